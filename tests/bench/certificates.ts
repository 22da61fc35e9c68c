/**
 * One certificate for all servers: RSA of 2048 bits, signed by an authority made for the run.
 *
 * @module
 */
import { runProgram } from "./peers.ts";

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes the certificates in a folder. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const path = (name: string) => `${folder}/${name}`;
  await Deno.writeTextFile(
    path("names"),
    "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
  );
  const request = ["req", "-newkey", "rsa:2048", "-nodes"];
  await openssl(
    [...request, "-x509", "-days", "30", "-subj", "/CN=Benchmark authority"],
    ["-keyout", path("ca.key"), "-out", path("ca.pem")],
  );
  await openssl(
    [...request, "-subj", "/CN=localhost"],
    ["-keyout", path("server.key"), "-out", path("server.csr")],
  );
  await openssl(
    ["x509", "-req", "-days", "30", "-in", path("server.csr"), "-extfile", path("names")],
    [
      "-CA",
      path("ca.pem"),
      "-CAkey",
      path("ca.key"),
      "-CAcreateserial",
      "-out",
      path("server.pem"),
    ],
  );
  return { ca: path("ca.pem"), cert: path("server.pem"), key: path("server.key") };
}

async function openssl(...args: string[][]): Promise<void> {
  const { code, text } = await runProgram("openssl", args.flat());
  if (code !== 0) throw new Error(`openssl failed: ${text}`);
}

/**
 * What the benchmark needs to be installed.
 *
 * @module
 */

const NEEDED = [
  { program: "dovecot", packaged: "dovecot-pop3d" },
  { program: "doveadm", packaged: "dovecot-core" },
  { program: "mpop", packaged: "mpop" },
  { program: "fetchmail", packaged: "fetchmail" },
  { program: "openssl", packaged: "openssl" },
] as const;

const FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Why the benchmark cannot run here: a sentence each. */
export function missingPeers(): string[] {
  const reasons: string[] = NEEDED
    .filter(({ program }) => !FOLDERS.some((folder) => isFile(`${folder}/${program}`)))
    .map(({ program, packaged }) => `${program} is missing (Debian package ${packaged})`);
  if (Deno.build.os !== "linux") reasons.push("it measures by means that only Linux has");
  else if (Deno.uid() !== 0) reasons.push("it needs root, since Dovecot changes its user");
  return reasons;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Runs a program to its end. */
export async function runProgram(
  command: string,
  args: readonly string[],
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

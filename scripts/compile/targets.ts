/**
 * The platforms that the program is built for.
 *
 * @module
 */

/** A platform, named as `deno compile` names it. */
export interface Target {
  /** The name. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** The end of an executable's name. */
  readonly extension: "" | ".exe";
  /** Set where Deno itself can be had from npm for a self-extracting file, which needs a Unix shell. */
  readonly npmPackage?: string;
  /** The name of QEMU's emulator for programs of it. */
  readonly emulator?: string;
  /** Where Debian puts its libraries on a machine of another kind. */
  readonly libraries?: string;
}

/** All of them. */
export const TARGETS: readonly Target[] = [
  {
    name: "x86_64-unknown-linux-gnu",
    title: "Linux on x86_64 with glibc",
    extension: "",
    npmPackage: "@deno/linux-x64-glibc",
    emulator: "qemu-x86_64",
    libraries: "/usr/x86_64-linux-gnu",
  },
  {
    name: "aarch64-unknown-linux-gnu",
    title: "Linux on aarch64 with glibc",
    extension: "",
    npmPackage: "@deno/linux-arm64-glibc",
    emulator: "qemu-aarch64",
    libraries: "/usr/aarch64-linux-gnu",
  },
  { name: "x86_64-apple-darwin", title: "macOS on x86_64", extension: "" },
  { name: "aarch64-apple-darwin", title: "macOS on Apple silicon", extension: "" },
  { name: "x86_64-pc-windows-msvc", title: "Windows on x86_64", extension: ".exe" },
];

/** The platform that this runs on. */
export const HOST: string = Deno.build.target;

/** The platform of that name, or undefined. */
export function findTarget(name: string): Target | undefined {
  return TARGETS.find((target) => target.name === name);
}

/**
 * Checks of passwords that take microseconds and so need no thread of their own.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { encodeText } from "../wire/text.ts";
import type { FastHash } from "./password_hash.ts";

/** Whether `password` is the one behind `hash`, in a time that does not tell how nearly. */
export function verifyFastHash(hash: FastHash, password: string): boolean {
  if (hash.kind === "plain") return sameText(hash.password, password);
  const computed = createHash(hash.algorithm).update(encodeText(password)).update(hash.salt)
    .digest();
  return sameOctets(computed, hash.digest);
}

/** Compares texts in a time that tells nothing of either, their lengths included. */
export function sameText(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash("sha256").update(encodeText(text)).digest());
  return timingSafeEqual(a!, b!);
}

/** Compares octets in a time that tells nothing but whether their lengths differ. */
export function sameOctets(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

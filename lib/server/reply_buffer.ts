/**
 * Where replies gather until they are sent in one write.
 *
 * @module
 */

/** Enough for the replies to a batch of short commands; all that a client gets before login. */
const SMALL = 4 * 1024;
/** Above this many bytes a large buffer is to be sent. */
const FULL = 64 * 1024;
/** Room that {@linkcode ReplyBuffer.part} promises. */
const PART = 8 * 1024;
const LARGE = FULL + 2 * PART;

/** How many buffers of each kind a worker keeps for the next session that has something to say. */
const KEPT = 16;
const smallBuffers: Uint8Array[] = [];
const largeBuffers: Uint8Array[] = [];

const encoder = new TextEncoder();

/**
 * Gathers replies. Its memory comes from a pool that all sessions of a worker share and goes back
 * there when the replies are sent, so that a session which waits for its client holds none.
 */
export class ReplyBuffer {
  #bytes: Uint8Array | undefined;
  #length = 0;
  #large = false;

  /** How many bytes wait to be sent. */
  get length(): number {
    return this.#length;
  }

  /** Whether it is time to send. */
  get full(): boolean {
    return this.#length >= (this.#large ? FULL : SMALL - 1024);
  }

  /** From now on replies may be long: those to a client that is logged in. */
  allowLarge(): void {
    this.#large = true;
  }

  /** Adds a line and its CRLF. */
  line(text: string): void {
    // Three bytes of UTF-8 at most for each UTF-16 unit.
    const bytes = this.#room(3 * text.length + 2);
    const start = this.#length;
    let end = start;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        end = start + encoder.encodeInto(text, bytes.subarray(start)).written;
        break;
      }
      bytes[end++] = code;
    }
    bytes[end] = 0x0d;
    bytes[end + 1] = 0x0a;
    this.#length = end + 2;
  }

  /** Adds bytes as they are. */
  bytes(bytes: Uint8Array): void {
    const buffer = this.#room(bytes.length);
    buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Lends the buffer to whoever writes a part of a message behind {@linkcode length}; there are at
   * least 8 KiB. What was written is added by {@linkcode advance}.
   */
  part(): Uint8Array {
    return this.#room(PART);
  }

  /** Counts what was written into {@linkcode part}, up to the offset `end`. */
  advance(end: number): void {
    this.#length = end;
  }

  /** Takes back all behind the first `length` bytes. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** What is to be sent; valid until {@linkcode clear}. */
  view(): Uint8Array {
    return this.#bytes === undefined ? new Uint8Array(0) : this.#bytes.subarray(0, this.#length);
  }

  /** Forgets all and gives the memory back. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes === undefined) return;
    release(this.#bytes);
    this.#bytes = undefined;
  }

  #room(size: number): Uint8Array {
    const bytes = this.#bytes;
    const need = this.#length + size;
    if (bytes !== undefined && need <= bytes.length) return bytes;
    const larger = acquire(need);
    if (bytes !== undefined) {
      larger.set(bytes.subarray(0, this.#length));
      release(bytes);
    }
    this.#bytes = larger;
    return larger;
  }
}

function acquire(size: number): Uint8Array {
  if (size <= SMALL) return smallBuffers.pop() ?? new Uint8Array(SMALL);
  if (size <= LARGE) return largeBuffers.pop() ?? new Uint8Array(LARGE);
  return new Uint8Array(size);
}

function release(bytes: Uint8Array): void {
  const pool = bytes.length === SMALL ? smallBuffers : largeBuffers;
  if (pool.length < KEPT && (bytes.length === SMALL || bytes.length === LARGE)) pool.push(bytes);
}

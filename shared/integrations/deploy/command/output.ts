import { StringDecoder } from "node:string_decoder";
import type { Redact } from "../../../lib/redact.ts";

/** More output than this is read and thrown away, so that a flood costs time but no memory. */
export const OUTPUT_LIMITS = {
  lines: 2_000,
  characters: 256 * 1024,
  /** Of one line as shown. */
  lineCharacters: 2_000,
  /** Last lines kept for telling why something failed, however long the output was. */
  lastLines: 20,
} as const;

export const OUTPUT_CUT = "… output cut";
const LINE_CUT = " … line cut";

/** A line is collected this long before it is redacted and shortened, so that a secret at the cut is still recognised. */
const COLLECTED_CHARACTERS = 4 * OUTPUT_LIMITS.lineCharacters;
/** A secret may have been cut in half at the end of what was collected: that end is never shown. */
const UNSAFE_END = 1_024;

const ESCAPES = new RegExp(
  [
    "\\u001b\\][^\\u0007\\u001b]{0,4096}(?:\\u0007|\\u001b\\\\)", // titles and links
    "[\\u001b\\u009b]\\[?[0-9;:?<>=]{0,64}[ -/]{0,8}[@-~]", // colours and cursor movements
    "\\u001b[ -/]{0,8}[0-~]",
  ].join("|"),
  "g",
);
/** Control characters and the ones that turn the direction of text around. */
const INVISIBLE = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu;

export type StreamName = "stdout" | "stderr";

export interface Output {
  write(stream: StreamName, chunk: Buffer): void;
  /** Takes what came after the last line break. Call once, when the streams have ended. */
  end(): void;
  /** The last lines that say something, oldest first, fit to be shown. */
  lastLines(stream?: StreamName): readonly string[];
}

/** Turns what a process writes into lines fit to be shown: no control characters, no secrets, never too many. */
export function createOutput(redact: Redact, onLine: (line: string) => void): Output {
  let lines = 0;
  let characters = 0;
  let isCut = false;
  let position = 0;
  const streams = { stdout: createStream(), stderr: createStream() };

  return {
    write(stream, chunk) {
      streams[stream].splitter.write(chunk, isCut ? OUTPUT_LIMITS.lastLines : undefined);
    },
    end() {
      streams.stdout.splitter.end();
      streams.stderr.splitter.end();
    },
    lastLines(stream) {
      const kept = stream ? streams[stream].last : [...streams.stdout.last, ...streams.stderr.last];
      return [...kept]
        .sort((a, b) => a.position - b.position)
        .slice(-OUTPUT_LIMITS.lastLines)
        .map(({ raw }) => clean(raw, redact));
    },
  };

  /** Each stream keeps its own last lines: a flood on one must not push out the other's. */
  function createStream() {
    const last: { readonly position: number; readonly raw: string }[] = [];
    const splitter = createSplitter((raw) => {
      if (raw.trim() !== "") {
        last.push({ position: (position += 1), raw });
        if (last.length > OUTPUT_LIMITS.lastLines) {
          last.shift();
        }
      }
      show(raw);
    });
    return { last, splitter };
  }

  function show(raw: string): void {
    if (isCut) {
      return;
    }
    const line = clean(raw, redact);
    if (lines >= OUTPUT_LIMITS.lines || characters + line.length > OUTPUT_LIMITS.characters) {
      isCut = true;
      onLine(OUTPUT_CUT);
      return;
    }
    lines += 1;
    characters += line.length;
    onLine(line);
  }
}

/** One raw line as people may see it. */
function clean(raw: string, redact: Redact): string {
  const plain = raw.replace(ESCAPES, "").replaceAll("\t", "  ").replace(INVISIBLE, "");
  const isWhole = raw.length < COLLECTED_CHARACTERS;
  const shown = isWhole ? redact(plain) : redact(plain).slice(0, -UNSAFE_END);
  return isWhole && shown.length <= OUTPUT_LIMITS.lineCharacters
    ? shown.trimEnd()
    : `${shown.slice(0, OUTPUT_LIMITS.lineCharacters - LINE_CUT.length)}${LINE_CUT}`;
}

/** Splits bytes into lines of bounded length. A bare carriage return starts the line again, as a terminal would show it. */
function createSplitter(onLine: (raw: string) => void) {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  let hasPending = false;

  return {
    /** `onlyLast`: of many lines in one chunk only the last matter, and the others are not even looked at. */
    write(chunk: Buffer, onlyLast?: number): void {
      const from = onlyLast === undefined ? 0 : startOfLast(chunk, onlyLast);
      if (from > 0) {
        decoder.end();
        pending = "";
        hasPending = false;
      }
      const pieces = decoder.write(chunk.subarray(from)).split("\n");
      pieces.forEach((piece, index) => {
        append(piece);
        if (index < pieces.length - 1) {
          flush();
        }
      });
    },
    end(): void {
      append(decoder.end());
      if (hasPending) {
        flush();
      }
    },
  };

  function append(piece: string): void {
    if (piece === "") {
      return;
    }
    hasPending = true;
    const body = piece.endsWith("\r") ? piece.slice(0, -1) : piece;
    const restart = body.lastIndexOf("\r");
    if (restart >= 0 || pending.endsWith("\r")) {
      pending = "";
    }
    const room = COLLECTED_CHARACTERS - pending.length;
    pending += piece.slice(restart + 1, restart + 1 + room);
  }

  function flush(): void {
    const line = pending.endsWith("\r") ? pending.slice(0, -1) : pending;
    pending = "";
    hasPending = false;
    onLine(line);
  }
}

/** Where the last `count` complete lines of a chunk start; 0 when it has no more than these. */
function startOfLast(chunk: Buffer, count: number): number {
  let at = chunk.length;
  for (let seen = 0; seen <= count; seen += 1) {
    if (at <= 0) {
      return 0;
    }
    at = chunk.lastIndexOf(0x0a, at - 1);
    if (at < 0) {
      return 0;
    }
  }
  return at + 1;
}

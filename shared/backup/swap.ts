import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { exists, isCode, syncFolder } from "./durable.ts";
import { JOURNAL } from "./kept-files.ts";

const Move = z.object({
  /** Where it counts. */
  live: z.string(),
  /** What comes there; null: nothing. */
  fresh: z.string().nullable(),
  /** Where what was there is kept. */
  aside: z.string(),
  hadOld: z.boolean(),
});
export type Move = z.infer<typeof Move>;

const Journal = z.object({ id: z.string(), moves: z.array(Move), staging: z.array(z.string()) });
/** What a restore is about to move; as long as it lies in the data folder, the restore is not over. */
export type Journal = z.infer<typeof Journal>;

/** Plans to put `fresh` in the place of `live`. */
export async function planMove(live: string, fresh: string | null, aside: string): Promise<Move> {
  return { live, fresh, aside, hadOld: await exists(live) };
}

/** Several renames are not one: what is going to happen is written down first, so that it can be undone after a crash. */
export async function writeJournal(dataDir: string, journal: Journal): Promise<void> {
  const path = join(dataDir, JOURNAL);
  const draft = `${path}.tmp`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.writeFile(JSON.stringify(journal));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
  await syncFolder(dataDir);
}

/** Null where no restore was interrupted. */
export async function readJournal(dataDir: string): Promise<Journal | null> {
  try {
    return Journal.parse(JSON.parse(await readFile(join(dataDir, JOURNAL), "utf8")));
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) {
      return null;
    }
    throw error;
  }
}

/** From here on it counts, whatever happens. */
export async function endJournal(dataDir: string): Promise<void> {
  await rm(join(dataDir, JOURNAL));
  await syncFolder(dataDir);
}

/** Sets aside what is there and puts the new in its place. May be begun again where it stopped. */
export async function doMoves(moves: readonly Move[]): Promise<void> {
  for (const { live, fresh, aside, hadOld } of moves) {
    if (hadOld && !(await exists(aside))) {
      await mkdir(dirname(aside), { recursive: true, mode: 0o700 });
      await rename(live, aside).catch((error: unknown) => {
        // The log of a database goes by itself when the last who had it open closes it.
        if (fresh !== null || !isCode(error, "ENOENT")) {
          throw error;
        }
      });
    }
    if (fresh !== null && (await exists(fresh))) {
      await mkdir(dirname(live), { recursive: true, mode: 0o700 });
      await rename(fresh, live);
    }
  }
  await syncAll(moves);
}

/** Puts back what was there before, from wherever the moves stopped. May be begun again where it stopped. */
export async function undoMoves(moves: readonly Move[]): Promise<void> {
  for (const { live, fresh, aside, hadOld } of moves.toReversed()) {
    const wasMoved = hadOld ? await exists(aside) : fresh === null || !(await exists(fresh));
    if (!wasMoved) {
      continue;
    }
    // Also what the new state has written beside itself, e.g. the log of a database.
    await rm(live, { recursive: true, force: true });
    if (hadOld) {
      await rename(aside, live);
    }
  }
  await syncAll(moves);
}

async function syncAll(moves: readonly Move[]): Promise<void> {
  for (const folder of new Set(moves.map(({ live }) => dirname(live)))) {
    if (await exists(folder)) {
      await syncFolder(folder);
    }
  }
}

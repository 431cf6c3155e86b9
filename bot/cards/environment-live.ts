import type { EnvironmentView, LockView } from "../../shared/contract/environment.ts";
import { formatDuration } from "../../shared/lib/time.ts";
import { text } from "../chat/card-builders.ts";
import { environmentSubject, type LiveCard } from "../chat/live-card.ts";
import { plain, sentence } from "../chat/markdown.ts";
import { environmentChangeCard } from "./environment-card.ts";

/** How an obstacle went away, in sentences. */
export interface Gone {
  readonly lock?: string;
  readonly hold?: string;
}

/** `why`: `unlocked by Olivia`, `its time was over`. */
export function unlockedWords(why: string): string {
  return `No longer locked: ${why}.`;
}

/** Who let automation go on. */
export function resumedWords(who: string): string {
  return `Automation goes on: resumed by ${who}.`;
}

/**
 * Whether one may deploy to an environment, and why not. `shown` tells one lock or hold from the next. `gone` is told about
 * what does not stand there any more.
 */
export function environmentLive(environment: EnvironmentView, gone: Gone = {}): LiveCard {
  const { name, lock, hold } = environment;
  const content = environmentChangeCard(title(environment), environment);
  const remark = text(lock ? undefined : told(gone.lock), hold ? undefined : told(gone.hold));
  return {
    subject: environmentSubject(name),
    shown: { lock: lock?.since ?? null, hold: hold?.since ?? null },
    card: remark ? { ...content, blocks: [remark, ...content.blocks] } : content,
  };
}

function told(words: string | undefined): string | undefined {
  return words === undefined ? undefined : sentence(words);
}

function title({ name, lock, hold }: EnvironmentView): string {
  const shown = plain(name, 80);
  if (lock) {
    return `${shown} is locked${duration(lock)}${hold ? ", and automation is on hold" : ""}`;
  }
  return hold ? `Automation for ${shown} is on hold` : `${shown} is open for deploys`;
}

function duration({ since, until }: LockView): string {
  return until === null ? "" : ` for ${formatDuration(Date.parse(until) - Date.parse(since))}`;
}

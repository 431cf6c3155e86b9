import type { z } from "zod";
import type { Actor, Permission, Progress, Services } from "../../shared/app/services.ts";
import type { ActionCall, Card } from "./card.ts";
import type { ChatUser, Place } from "./platform.ts";

export interface CommandContext {
  readonly actor: Actor;
  readonly services: Services;
  readonly correlationId: string;
  readonly now: Date;
  readonly place: Place;
  /** The chat account the actor speaks with. */
  readonly user: ChatUser;
  /** Shows how far a long command is, by editing one message. */
  readonly progress: Progress;
}

/**
 * What a handler gives back; it never sends. `subject` makes it the live card of that thing: posted once in a place, edited from
 * then on (`release/12`, `deployment/7`). `shown` is remembered with the post, e.g. the fingerprint people see.
 */
export interface Answer {
  readonly card: Card;
  readonly visibility?: "everyone" | "only-you";
  readonly live?: { readonly subject: string; readonly shown: Readonly<Record<string, unknown>> };
  /** Said to the person who acted only, besides the card: why their click did nothing, what happened to what they asked. */
  readonly notice?: Card;
}

/** A command as people type it. The id is `noun.verb`; the phrase is what SPEC.md prints. */
export interface Command<A extends z.ZodType = z.ZodType> {
  /** `release.create` */
  readonly id: string;
  /** `create-release` */
  readonly phrase: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** `create-release <source> <destination> [repository…] [--exclude repository…] [--notes "…"]` */
  readonly usage: string;
  readonly group: "releases" | "sign-off" | "deploys" | "environments" | "history" | "help";
  /** Whoever has one of several may use it; what exactly they may do with it is up to the use case. */
  readonly permission: Permission | readonly Permission[] | "anyone";
  /** Changes something: asked again when it arrives minutes late. */
  readonly changes: boolean;
  /** Every one is parsed in a test. */
  readonly examples: readonly string[];
  /** Whether this installation can do it at all; help leaves it out otherwise. Always when absent. */
  isOffered?(services: Services): boolean;
  /** Reads the words after the phrase. Throws CommandInvalid with the usage. */
  parse(words: readonly Word[]): z.output<A>;
  run(context: CommandContext, args: z.output<A>): Promise<Answer>;
}

/** A word of a command; `quoted` ones are never taken for a flag or keyword. */
export interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/** Declared in bot/cards/action-refs.ts, called by cards, implemented by commands: no cycle between card and action. */
export interface ActionRef<P extends z.ZodType> {
  /** `release.sign_off` */
  readonly id: string;
  readonly payload: P;
  /** The only way to make its button. */
  call(payload: z.input<P>): ActionCall;
}

export interface Action<P extends z.ZodType = z.ZodType> {
  readonly ref: ActionRef<P>;
  readonly permission: Permission | "anyone";
  readonly changes: boolean;
  /** `values` are the answers of the form the click came from. */
  run(
    context: CommandContext,
    payload: z.output<P>,
    values: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

import type { Actor, Services } from "../../shared/app/services.ts";
import { AppError, type ErrorKind } from "../../shared/errors/app-error.ts";
import { AccountUnlinked, ActionExpired, InternalFault } from "../../shared/errors/catalog.ts";
import { withCorrelation } from "../../shared/lib/correlation.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { systemTimers, type Timers } from "../../shared/lib/scheduler.ts";
import { formatDuration } from "../../shared/lib/time.ts";
import type { ActionTokens } from "./action-tokens.ts";
import type { Actors } from "./actors.ts";
import type { ActionCall, ActionItem, Card } from "./card.ts";
import { actions as actionsBlock, button, card, text } from "./card-builders.ts";
import type { Action, Answer, Command, CommandContext } from "./command.ts";
import { concernsEveryone, errorCard } from "./error-card.ts";
import { readFormValues } from "./form-values.ts";
import { createKeyedQueue } from "./keyed-queue.ts";
import { deploymentSubject, releaseSubject } from "./live-card.ts";
import { code } from "./markdown.ts";
import { refusalOf } from "./may-use.ts";
import { createCommandParser, type Parsed } from "./parse-command.ts";
import type { ChatPlatform, Inbound, MessageRef } from "./platform.ts";
import type { LiveCard } from "./live-card.ts";
import type { Posts } from "./posts.ts";
import { createProgressMessage, type ProgressMessage } from "./progress-message.ts";
import { runText } from "./run-text.ts";
import { createWayIn } from "./way-in.ts";

/** Older than this, a command that changes something may no longer be what the person wants. */
const STALE_MS = 5 * 60_000;

/** How far the clocks of the machines that run Slipway may differ. */
const CLOCKS_DIFFER_MS = 60_000;

/** A mistake or a refusal is everyday business; what we broke is not. */
const LOG_LEVELS = {
  invalid_input: "debug",
  unauthenticated: "debug",
  not_found: "debug",
  forbidden: "info",
  conflict: "info",
  blocked: "info",
  rate_limited: "info",
  upstream: "warn",
  timeout: "warn",
  internal: "error",
} as const satisfies Readonly<Record<ErrorKind, string>>;

export interface RouterDeps {
  readonly services: Services;
  readonly commands: readonly Command[];
  readonly actions: readonly Action[];
  readonly platforms: ReadonlyMap<string, ChatPlatform>;
  readonly actors: Actors;
  readonly tokens: ActionTokens;
  readonly posts: Posts;
  readonly drainer: Drainer;
  readonly logger: Logger;
  readonly clock: { now(): Date };
  readonly timers?: Timers;
  /** The newest live card of a subject, to renew it after a click on an outdated one. */
  renderLive(subject: string): Promise<LiveCard | undefined>;
  /** Buttons that help after this error, e.g. Refresh when the release is already open. */
  offers?(error: AppError): readonly ActionItem[];
}

export interface Router {
  /**
   * Serves one message or click: acknowledges it, drops it when it was delivered before, finds out who it is and what they
   * may do, runs it and answers. Never throws.
   */
  handle(event: Inbound): Promise<void>;
}

type CommandEvent = Extract<Inbound, { readonly type: "command" }>;
type ActionEvent = Extract<Inbound, { readonly type: "action" }>;
type Run = (context: CommandContext) => Promise<Answer>;

/** What a delivery may send of its own: sent again after an interruption, each is the same message, changed. */
type Part = "answer" | "notice";

/** One time of dealing with a delivery. */
interface Attempt {
  readonly reference: string;
  /** Messages posted since then may already be the answer. */
  readonly since: Date;
  /** Somebody began with it and was stopped. */
  readonly isAgain: boolean;
}

/** What is about to be run, whether it was typed or clicked. */
interface Request {
  readonly event: Inbound;
  readonly id: string;
  readonly permission: Command["permission"];
  readonly changes: boolean;
  /** What it is about, when it is about one thing. */
  readonly subject: string | undefined;
  /** The command, as it would be typed. */
  readonly text: string;
  readonly run: Run;
}

export function createRouter(deps: RouterDeps): Router {
  const { services, posts, tokens, drainer, logger, clock, timers = systemTimers } = deps;
  const parser = createCommandParser(deps.commands);
  const actionsById = new Map(deps.actions.map((action) => [action.ref.id, action]));
  const wayIn = createWayIn({ accounts: services.accounts, logger });
  const inTurn = createKeyedQueue();
  /** Deliveries that somebody began with who was stopped: their answers may be there already. */
  const begunBefore = new WeakSet<Inbound>();

  return {
    async handle(event) {
      const reference = referenceOf(event);
      await withCorrelation(reference, async () => {
        try {
          await serve(event, reference);
        } catch (error) {
          logger.warn({ err: error, platform: event.place.platform }, "could not answer in chat");
        }
      });
    },
  };

  async function serve(event: Inbound, reference: string): Promise<void> {
    const read = event.type === "command" ? readCommand(event) : undefined;
    if (event.type === "command" && !read) {
      return;
    }
    let endOperation: (() => void) | undefined;
    try {
      endOperation = drainer.startOperation();
      if (event.type === "action") {
        await serveAction(event, reference);
        return;
      }
      await event.reply.acknowledge();
      if (read) {
        await once(event, reference, (attempt) => perform(read(), attempt));
      }
    } catch (error) {
      await sorry(event, error, reference);
    } finally {
      endOperation?.();
    }
  }

  async function serveAction(event: ActionEvent, reference: string): Promise<void> {
    const meaning = await tokens.resolve(event.token, event.message);
    if (meaning.type === "form" && Object.keys(event.values).length === 0) {
      const token = await tokens.issueForm(event.place.platform, meaning.form);
      // Opening the form is the acknowledgement: platforms allow no other one before it.
      await event.reply.openForm(meaning.form, token);
      return;
    }
    await event.reply.acknowledge();
    await once(event, reference, async (attempt) => {
      if (meaning.type === "form") {
        const values = readFormValues(meaning.form, event.values);
        await perform(toActionRequest(event, meaning.form.submit, values), attempt);
      } else {
        await perform(toActionRequest(event, meaning.call, event.values), attempt);
      }
    });
  }

  /**
   * Deals with a delivery that nobody has dealt with. When somebody began and was stopped, what they had changed is shown
   * instead of being done twice; when they had changed nothing, it is done now.
   */
  async function once(
    event: Inbound,
    reference: string,
    work: (attempt: Attempt) => Promise<void>,
  ): Promise<void> {
    const { platform } = event.place;
    const taken = await services.chatStore.takeDelivery(platform, event.deliveryId);
    if (taken === "known") {
      return;
    }
    const isAgain = taken === "again";
    if (isAgain) {
      begunBefore.add(event);
    }
    const attempt = { reference, isAgain, since: isAgain ? event.sentAt : clock.now() };
    try {
      if (!isAgain || !(await tellWhatWasDone(event, attempt))) {
        await work(attempt);
      }
    } catch (error) {
      await sorry(event, error, reference);
    } finally {
      await services.chatStore.finishDelivery(platform, event.deliveryId);
    }
  }

  /** False when nothing was. */
  async function tellWhatWasDone(event: Inbound, { reference, since }: Attempt): Promise<boolean> {
    // Machines whose clocks differ a little may have taken part.
    const from = new Date(since.getTime() - CLOCKS_DIFFER_MS);
    const changes = await services.chatStore.changesUnder(reference, from);
    const first = changes.find(({ kind }) => kind === "deployment") ?? changes[0];
    if (!first) {
      return false;
    }
    const live = await deps.renderLive(`${first.kind}/${first.id}`);
    if (live) {
      const source = event.type === "action" ? event.message : undefined;
      await posts.show(event.place, live, { since, source });
    } else {
      await send(event, interruptedCard, "everyone");
    }
    return true;
  }

  async function perform(request: Request, attempt: Attempt): Promise<void> {
    const { event, subject } = request;
    if (request.changes && subject !== undefined) {
      // Two clicks on one thing are served one after the other, from whichever platforms they come.
      await inTurn(subject, () => performNow(request, attempt));
    } else {
      await performNow(request, attempt);
    }
    logger.info({ platform: event.place.platform, command: request.id }, "served a command");
  }

  async function performNow(request: Request, attempt: Attempt): Promise<void> {
    const { event, subject } = request;
    const { reference } = attempt;
    const receivedAt = clock.now();
    let progress: ProgressMessage | undefined;
    try {
      const actor = await deps.actors.actorOf(event.user);
      demand(actor, request);
      const age = receivedAt.getTime() - event.sentAt.getTime();
      if (request.changes && age > STALE_MS) {
        await send(event, staleCard(request, age), "only-you");
        return;
      }
      progress = startProgress(request);
      if (attempt.isAgain) {
        // Turns what whoever was stopped may have left behind into the answer.
        await progress.show();
      }
      const answer = await request.run({
        actor,
        services,
        correlationId: reference,
        now: receivedAt,
        place: event.place,
        user: event.user,
        progress: progress.report,
      });
      await show(request, answer, attempt.since, await progress.finish());
    } catch (error) {
      await sorry(event, error, reference, await progress?.finish());
      if (error instanceof AppError && error.kind === "conflict" && subject !== undefined) {
        await renew(subject, event.place.platform);
      }
    }
  }

  /** What is done stays done when it cannot be shown, and must not be told as if it were not. */
  async function show(
    request: Request,
    answer: Answer,
    since: Date,
    progressRef: MessageRef | undefined,
  ): Promise<void> {
    const { event } = request;
    try {
      await reply(event, answer, since, progressRef);
    } catch (error) {
      if (!request.changes) {
        throw error;
      }
      logger.warn({ err: error, command: request.id }, "did it, and could not show it");
      await send(event, unseenCard, "only-you");
    }
  }

  async function reply(
    event: Inbound,
    answer: Answer,
    since: Date,
    progressRef: MessageRef | undefined,
  ): Promise<void> {
    const { live, card: content, notice } = answer;
    if (event.type === "action" && progressRef) {
      // A click is answered on the card itself; the progress message below says how it ended.
      await edit(progressRef, notice ?? (live ? doneCard : content));
      if (live) {
        const source = event.message;
        await posts.show(event.place, { ...live, card: content }, { since, source });
      }
      return;
    }
    if (live) {
      const source = event.type === "action" ? event.message : undefined;
      const shown = { ...live, card: content };
      await posts.show(event.place, shown, { since, source, adopt: progressRef });
    } else if (progressRef) {
      await edit(progressRef, content);
    } else {
      await send(event, content, answer.visibility ?? "everyone");
    }
    if (notice) {
      await send(event, notice, "only-you", noticeKey(event, notice));
    }
  }

  /** Tells a person that it did not work, in their words or with a reference to ours. */
  async function sorry(
    event: Inbound,
    thrown: unknown,
    reference: string,
    progressRef?: MessageRef,
  ): Promise<void> {
    const error = thrown instanceof AppError ? thrown : new InternalFault({ reference });
    logger[LOG_LEVELS[error.kind]]({ err: thrown, code: error.code }, "command not done");
    const content =
      error instanceof AccountUnlinked
        ? await wayIn.cardFor(event.user, error)
        : errorCard(error, deps.offers?.(error));
    if (progressRef) {
      await edit(progressRef, content);
      return;
    }
    await event.reply.acknowledge();
    const everyone = event.type === "command" && concernsEveryone(error);
    await send(event, content, everyone ? "everyone" : "only-you");
  }

  /** Waits for the platform it was asked on only: the next click may come from another one, and must not wait for it. */
  async function renew(subject: string, asked: string): Promise<void> {
    const live = await deps.renderLive(subject);
    if (!live) {
      return;
    }
    const renewals = [...deps.platforms.keys()].map(
      (platform) => [platform, renewOn(platform, live)] as const,
    );
    await new Map(renewals).get(asked);
  }

  async function renewOn(platform: string, live: LiveCard): Promise<void> {
    try {
      await posts.refresh(live.subject, async () => live, { urgent: true, platform });
    } catch (error) {
      logger.warn({ err: error, subject: live.subject, platform }, "could not renew a card");
    }
  }

  async function send(
    event: Inbound,
    content: Card,
    visibility: "everyone" | "only-you",
    key = partKey(event, "answer"),
  ): Promise<MessageRef | undefined> {
    const issued = await tokens.issue(event.place.platform, content);
    const repeated = begunBefore.has(event);
    const ref = await event.reply.send({
      card: content,
      tokens: issued,
      visibility,
      key,
      repeated,
    });
    if (ref) {
      await tokens.bind(issued, ref);
    }
    return ref;
  }

  async function edit(ref: MessageRef, content: Card): Promise<void> {
    const issued = await tokens.issue(ref.platform, content);
    await tokens.bind(issued, ref);
    await deps.platforms.get(ref.platform)?.edit(ref, { card: content, tokens: issued });
  }

  function startProgress({ event, text: typed }: Request): ProgressMessage {
    return createProgressMessage({
      title: `Working on: ${typed}`,
      timers,
      send: (content) => send(event, content, "everyone"),
      edit,
      onError: (error) => logger.debug({ err: error }, "could not show progress"),
    });
  }

  /**
   * What a message asks for; undefined for chatter. A mistake is thrown only when the request is asked for, after the message
   * is acknowledged and known to be new.
   */
  function readCommand(event: CommandEvent): (() => Request) | undefined {
    try {
      const parsed = parser.parse(event.text, event.direct);
      return parsed.type === "ignore" ? undefined : () => toRequest(event, parsed, event.text);
    } catch (error) {
      return () => {
        throw error;
      };
    }
  }

  function toRequest(event: Inbound, parsed: Parsed, typed: string): Request {
    if (parsed.type === "ignore") {
      throw new Error("chatter cannot be run");
    }
    const { command, args } = parsed;
    return {
      event,
      id: command.id,
      permission: command.permission,
      changes: command.changes,
      subject: subjectOf(args),
      text: typed.trim(),
      run: (context) => command.run(context, args),
    };
  }

  function toActionRequest(
    event: Inbound,
    call: ActionCall,
    values: Readonly<Record<string, string>>,
  ): Request {
    if (call.action === runText.id) {
      const typed = runText.payload.parse(call.payload).text;
      return toRequest(event, parser.parse(typed, true), typed);
    }
    const action = actionsById.get(call.action);
    const payload = action?.ref.payload.safeParse(call.payload);
    if (!action || !payload?.success) {
      // A button of an older version.
      throw new ActionExpired({});
    }
    return {
      event,
      id: action.ref.id,
      permission: action.permission,
      changes: action.changes,
      subject: subjectOf(payload.data),
      text: action.ref.call(payload.data).text ?? action.ref.id,
      run: (context) => action.run(context, payload.data, values),
    };
  }

  /**
   * Refuses to show what somebody may not see. A change is left to its use case, which knows environment and team, and which
   * records the attempt.
   */
  function demand(actor: Actor, request: Request): void {
    const refusal = request.changes ? undefined : refusalOf(actor, request, services);
    if (refusal) {
      throw refusal;
    }
  }
}

/** Names a delivery in logs, in facts and to people. */
function referenceOf({ place, deliveryId }: Inbound): string {
  return `${place.platform}:${deliveryId}`.slice(0, 100);
}

const interruptedCard = card(
  "Done",
  "success",
  text("I was interrupted right after this was done, so I cannot tell you more about it."),
);
const unseenCard = card(
  "Done",
  "warning",
  text("It is done, but I could not show it here. The card follows as soon as the chat answers."),
);
const doneCard = card("Done", "success", text("The card above is up to date."));

function staleCard({ event, text: typed }: Request, ageMs: number): Card {
  const late = `This reached me ${formatDuration(ageMs)} late, so I have not done it: ${code(typed, 500)}`;
  return event.type === "command"
    ? card(
        "Still wanted?",
        "warning",
        text(late, "If you still want it, press the button or say it again."),
        actionsBlock(button("Do it now", runText.call({ text: typed }), "primary")),
      )
    : card("Still wanted?", "warning", text(late, "If you still want it, press the button again."));
}

/** What a command is about, by the names all commands and actions use for it. */
function subjectOf(args: unknown): string | undefined {
  if (typeof args !== "object" || args === null) {
    return undefined;
  }
  if ("release" in args && typeof args.release === "number") {
    return releaseSubject(args.release);
  }
  if ("deployment" in args && typeof args.deployment === "number") {
    return deploymentSubject(args.deployment);
  }
  if ("environment" in args && typeof args.environment === "string") {
    return `environment/${args.environment}`;
  }
  return undefined;
}

/** The same delivery says each of its parts once, however often it is dealt with. */
function partKey(event: Inbound, part: Part): string {
  return `${referenceOf(event)}\n${part}`;
}

/** Pressing again what was pressed already says the same thing once: the message with it is there, and stays the only one. */
function noticeKey(event: Inbound, { title }: Card): string {
  return event.type === "action"
    ? ["notice", event.place.platform, event.message.messageId, event.user.userId, title].join("/")
    : partKey(event, "notice");
}

import { z } from "zod";
import type { Actor, RoomServices } from "../../../shared/app/services.ts";
import { didYouMean, joinWords, pluralise } from "../../../shared/lib/text.ts";
import { fine, problem, warning, type Finding } from "../../chat/finding.ts";
import { PLATFORM_ID } from "./inbound.ts";

/** The part of `/health/ready` that tells about the room. */
const Readiness = z.object({
  connections: z.array(
    z.object({ name: z.string(), state: z.string(), detail: z.string().nullish() }),
  ),
});

/** Whether the room can work: its channels are there, and a server runs the bot in it. */
export async function checkRoom(deps: {
  readonly room: RoomServices;
  readonly systemActor: Actor;
  readonly announce: readonly string[];
  readonly serverUrl: string | null;
  readonly signal: AbortSignal;
}): Promise<readonly Finding[]> {
  const channels = (await deps.room.channels(deps.systemActor))
    .filter(({ type }) => type === "public")
    .map(({ name }) => name);
  return [
    fine(`${pluralise(channels.length, "channel")}: ${joinWords(channels)}.`),
    ...deps.announce.flatMap((channel) => checkChannel(channel, channels)),
    await checkServer(deps.serverUrl, deps.signal),
  ];
}

function checkChannel(channel: string, known: readonly string[]): readonly Finding[] {
  if (known.includes(channel)) {
    return [fine(`Announcements go to ${channel}.`)];
  }
  const [near] = didYouMean(channel, known);
  return [
    problem(
      `Announcements go to ${channel}, and the room has no such channel.`,
      near === undefined
        ? `Name one of ${known.join(", ")} in chat.announce.`
        : `Did you mean "room:${near}" in chat.announce?`,
    ),
  ];
}

/** The bot is in the room only as long as the server runs. */
async function checkServer(url: string | null, signal: AbortSignal): Promise<Finding> {
  if (url === null) {
    return warning(
      "The server listens on any free port, so it cannot be asked.",
      "Set server.port, or look at what it printed when it started.",
    );
  }
  let answer: unknown;
  try {
    // A server that is not ready says why in the same form.
    answer = await (await fetch(`${url}/health/ready`, { signal })).json();
  } catch (error) {
    signal.throwIfAborted();
    return problem(
      `Nobody answers at ${url}, so the bot is not in the room${whyOf(error)}.`,
      "Start Slipway with `slipway start`, or correct server.host and server.port.",
    );
  }
  const readiness = Readiness.safeParse(answer);
  const own = readiness.data?.connections.find(({ name }) => name === `chat:${PLATFORM_ID}`);
  if (!own) {
    return problem(
      `Whoever answers at ${url} has no room.`,
      "Check that it is this Slipway, with chat.room.enabled and the service chat.",
    );
  }
  return own.state === "up"
    ? fine(`The bot is in the room of the server at ${url}.`)
    : problem(
        `The bot is not in the room of the server at ${url}: ${own.detail ?? own.state}.`,
        "Look at the log of the server.",
      );
}

function whyOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : undefined;
  return code === undefined ? "" : ` (${code})`;
}

import { createLogger } from "../../../../shared/lib/logger.ts";
import { createManualClock, type ManualClock } from "../../../../shared/testing/clock.ts";
import type { Suggestion } from "../../../chat/suggestions.ts";
import { createFakeChatStore, type FakeChatStore } from "../../../chat/testing/fake-chat-store.ts";
import { commands } from "../../../commands/index.ts";
import { createDiscordPlatform, type DiscordPlatform } from "../index.ts";
import { DiscordOptions } from "../options.ts";
import { startFakeDiscord, type FakeDiscord } from "./fake-discord.ts";

/** The platform against a fake Discord, both over real sockets, with time in the test's hands. */
export interface DrivenDiscord {
  readonly clock: ManualClock;
  readonly fake: FakeDiscord;
  readonly platform: DiscordPlatform;
  readonly chatStore: FakeChatStore;
  /** Id of a channel the bot may write in. */
  readonly channelId: string;
  readonly options: DiscordOptions;
  /** What is suggested for each kind. */
  readonly suggested: Map<string, readonly Suggestion[] | Promise<readonly Suggestion[]>>;
  /** Another process on the same data. */
  another(): DiscordPlatform;
  /** Resolves when the platform has handed on everything that was said so far. */
  settle(): Promise<void>;
  /** What the platform logged. */
  readonly logged: readonly string[];
  dispose(): Promise<void>;
}

export async function driveDiscord(
  given: { readonly announce?: readonly string[] } = {},
): Promise<DrivenDiscord> {
  const clock = createManualClock();
  const logged: string[] = [];
  const logger = createLogger({
    level: "debug",
    destination: {
      write: (line: string) => {
        logged.push(line);
      },
    },
  });
  const chatStore = createFakeChatStore();
  const suggested: DrivenDiscord["suggested"] = new Map();
  const started: DiscordPlatform[] = [];
  let current: DiscordPlatform | undefined;
  const fake = await startFakeDiscord({ clock });
  const channelId = fake.addChannel("releases");
  const options = DiscordOptions.parse({
    token: fake.token,
    application_id: fake.applicationId,
    guild_id: fake.guildId,
    api_url: fake.url,
  });

  function another(): DiscordPlatform {
    current = createDiscordPlatform(options, {
      chatStore,
      announce: given.announce ?? [],
      commands,
      suggestions: { find: async (_, kind) => suggested.get(kind) ?? [] },
      logger,
      clock,
      timers: clock,
    });
    started.push(current);
    return current;
  }

  return {
    clock,
    fake,
    platform: another(),
    chatStore,
    channelId,
    options,
    suggested,
    another,
    logged,
    async settle() {
      await fake.gateway.flush();
      // The vendor's client takes a turn for each event.
      await new Promise((resolve) => setImmediate(resolve));
      await current?.settled();
      await new Promise((resolve) => setImmediate(resolve));
    },
    async dispose() {
      await Promise.all(started.map((platform) => platform.stop()));
      await fake.stop();
    },
  };
}

import { createDrainer } from "../../../shared/lib/drainer.ts";
import { ShuttingDown } from "../../../shared/errors/catalog.ts";
import { createLogger } from "../../../shared/lib/logger.ts";
import { systemActor } from "../../../shared/core/actor.ts";
import { createManualClock } from "../../../shared/testing/clock.ts";
import { createFakePlatform, textOf } from "../../chat/testing/fake-platform.ts";
import { createFakeServices, type FakeParts } from "../../chat/testing/fake-services.ts";
import { startChat } from "../../services/chat.ts";

/** Everything between a person and the services: what people type and press on one side, the services of a test on the other. */
export async function createCommandHarness(
  parts: FakeParts,
  /** By default everybody is known by having signed in. */
  { usersAreSubjects = true }: { readonly usersAreSubjects?: boolean } = {},
) {
  const clock = createManualClock();
  const platform = createFakePlatform({ now: () => clock.now(), usersAreSubjects });
  const services = createFakeServices(parts);
  const chat = await startChat({
    services,
    platforms: [platform],
    systemActor,
    drainer: createDrainer(() => new ShuttingDown({})),
    logger: createLogger({ level: "silent" }),
    clock,
    timers: clock,
  });
  return {
    clock,
    platform,
    services,
    chat,
    /** Says something as `dana` or somebody else, and gives back the newest answer in words. */
    async say(text: string, as = "dana", channelId = "releases"): Promise<string> {
      await platform.say(text, { as: `sub-${as}`, channelId });
      return textOf(platform.last());
    },
    async click(
      label: string,
      as = "dana",
      values?: Readonly<Record<string, string>>,
    ): Promise<string> {
      await platform.click(label, { as: `sub-${as}`, ...(values ? { values } : {}) });
      return textOf(platform.last());
    },
    /** Every message as people see it now. */
    read: () => platform.messages.map(textOf),
  };
}

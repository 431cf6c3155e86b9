import type { ChatPlatform, Replier } from "../chat/platform.ts";

/**
 * A platform that says nothing any more once `check` throws: a process that was paused, and lost the right to speak meanwhile,
 * must not finish its sentence when it wakes.
 */
export function guardPlatform(platform: ChatPlatform, check: () => void): ChatPlatform {
  const webhook = platform.webhook?.bind(platform);
  const findPlace = platform.findPlace?.bind(platform);
  return {
    id: platform.id,
    features: platform.features,
    start: (take, onRemoved) =>
      platform.start(
        (event) => take({ ...event, reply: guardReplier(event.reply, check) }),
        onRemoved,
      ),
    ...(findPlace && { findPlace }),
    stop: () => platform.stop(),
    status: () => platform.status(),
    async post(...message) {
      check();
      return platform.post(...message);
    },
    async edit(...message) {
      check();
      await platform.edit(...message);
    },
    async direct(...message) {
      check();
      return platform.direct(...message);
    },
    ...(webhook && {
      async webhook(request) {
        check();
        return webhook(request);
      },
    }),
  };
}

function guardReplier(reply: Replier, check: () => void): Replier {
  return {
    async acknowledge() {
      check();
      await reply.acknowledge();
    },
    async openForm(...form) {
      check();
      await reply.openForm(...form);
    },
    async send(message) {
      check();
      return reply.send(message);
    },
    async replaceSource(message) {
      check();
      await reply.replaceSource(message);
    },
  };
}

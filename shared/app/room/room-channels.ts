import { UniqueConstraintError } from "sequelize";
import { systemActor, type Actor } from "../../core/actor.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { RoomChannelRow } from "../../db/rows/room-channel.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import { ChannelNotFound } from "../../errors/catalog.ts";

export interface Channel {
  readonly name: string;
  readonly topic: string;
  readonly type: "public" | "direct";
  /** Subject of the one person of a direct channel. */
  readonly member: string | null;
}

/** Between one person and the bot; the rest of the name is the person's username. */
const DIRECT_PREFIX = "dm:";

/** What leaves the name within the limits of the API. */
const USERNAME_LIMIT = 90;

/** Made at the first start. */
const PUBLIC_CHANNELS: readonly Pick<Channel, "name" | "topic">[] = [
  { name: "general", topic: "Everything and everybody" },
  { name: "releases", topic: "Releases that need you, and what became of them" },
];

export interface RoomChannels {
  /** Those the actor may read, their own direct channel made when it is missing. The bot reads all. */
  visibleTo(actor: Actor): Promise<readonly Channel[]>;
  /** Throws ChannelNotFound when there is none that the actor may read. */
  find(actor: Actor, name: string): Promise<Channel>;
  /** Whether the actor may read a channel that exists. */
  canRead(actor: Actor, name: string): Promise<boolean>;
}

/** Channels hardly change, so those that were seen are remembered. */
export function createRoomChannels(deps: {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
}): RoomChannels {
  const { uow, clock } = deps;
  const known = new Map<string, Channel>();
  let prepared: Promise<void> | undefined;

  return {
    async visibleTo(actor) {
      await prepare();
      if (actor.kind === "person") {
        await directOf(actor);
      }
      const rows = await RoomChannelRow.findAll({ order: ["type", "name"] });
      return [...rows.map(remember)]
        .filter((channel) => isVisible(channel, actor))
        .sort((a, b) => Number(a.type === "direct") - Number(b.type === "direct"));
    },

    async find(actor, name) {
      await prepare();
      const channel = known.get(name) ?? (await load(name)) ?? (await makeDirect(actor, name));
      if (!channel || !isVisible(channel, actor)) {
        throw new ChannelNotFound({ channel: name });
      }
      return channel;
    },

    async canRead(actor, name) {
      const channel = known.get(name) ?? (await load(name));
      return channel !== undefined && isVisible(channel, actor);
    },
  };

  function prepare(): Promise<void> {
    prepared ??= makePublic().catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  }

  async function makePublic(): Promise<void> {
    for (const row of await RoomChannelRow.findAll({ where: { type: "public" } })) {
      remember(row);
    }
    for (const { name, topic } of PUBLIC_CHANNELS) {
      if (!known.has(name)) {
        await make({ name, topic, type: "public", member: null });
      }
    }
  }

  async function load(name: string): Promise<Channel | undefined> {
    const row = await RoomChannelRow.findByPk(name);
    return row ? remember(row) : undefined;
  }

  /**
   * The direct channel that a name means: a person's own, or for the bot anybody's, whom it may also name by subject.
   * Undefined when the name means none.
   */
  async function makeDirect(actor: Actor, name: string): Promise<Channel | undefined> {
    if (!name.startsWith(DIRECT_PREFIX)) {
      return undefined;
    }
    const whom = name.slice(DIRECT_PREFIX.length);
    if (actor.kind === "person") {
      return whom === actor.username || whom === actor.subject ? directOf(actor) : undefined;
    }
    const person =
      (await PersonRow.findByPk(whom)) ?? (await PersonRow.findOne({ where: { username: whom } }));
    return person ? directOf(person) : undefined;
  }

  async function directOf(person: {
    readonly subject: string;
    readonly username: string;
    readonly name: string;
  }): Promise<Channel> {
    const existing =
      [...known.values()].find((channel) => channel.member === person.subject) ??
      (await RoomChannelRow.findOne({ where: { member: person.subject } }));
    if (existing) {
      return existing instanceof RoomChannelRow ? remember(existing) : existing;
    }
    const own = { topic: `${person.name} and ${systemActor.name}`, type: "direct" } as const;
    const made = await make({
      ...own,
      name: `${DIRECT_PREFIX}${person.username.slice(0, USERNAME_LIMIT)}`,
      member: person.subject,
    });
    // Two providers may know different people by one username; the subject tells them apart.
    return made.member === person.subject
      ? made
      : make({ ...own, name: `${DIRECT_PREFIX}${person.subject}`, member: person.subject });
  }

  /** Makes a channel, or takes the one that somebody made in the meantime. */
  async function make(channel: Channel): Promise<Channel> {
    try {
      await uow.run((tx) =>
        RoomChannelRow.create(
          { ...channel, createdAt: clock.now() },
          { transaction: tx.sequelize },
        ),
      );
    } catch (error) {
      const other = error instanceof UniqueConstraintError ? await load(channel.name) : undefined;
      if (!other) {
        throw error;
      }
      return other;
    }
    known.set(channel.name, channel);
    return channel;
  }

  function remember({ name, topic, type, member }: RoomChannelRow): Channel {
    const channel: Channel = { name, topic, type, member };
    known.set(name, channel);
    return channel;
  }
}

function isVisible(channel: Channel, actor: Actor): boolean {
  return channel.type === "public" || actor.kind === "system" || channel.member === actor.subject;
}

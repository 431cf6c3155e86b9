import { createHash } from "node:crypto";
import { UniqueConstraintError } from "sequelize";
import type { Clock } from "../../core/ports/clock.ts";
import type { ProviderCall, ProviderNews, ScmProvider } from "../../core/ports/scm.ts";
import { ChatDeliveryRow } from "../../db/rows/chat-delivery.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import type { Tx, UnitOfWork } from "../../db/unit-of-work.types.ts";
import type { Logger } from "../../lib/logger.ts";
import { REFRESHED_STATUSES } from "../releases/refresh-open-releases.ts";

/** A burst of pushes is one refresh: it begins this long after the first of them. */
export const HEAR_DELAY_MS = 5_000;

type Changed = ProviderNews & { readonly kind: "changed" };

interface HearDeps {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a forge that calls us is answered, as an HTTP status: taken, nothing to do, or not believed. */
export type Heard = 202 | 204 | 401;

/** Takes a call of a forge of one kind, such as `github`. */
export type ForgeEar = (call: ProviderCall) => Promise<Heard>;

/** One ear for each kind of provider that calls us, by the name of the kind. */
export function createForgeEars(
  deps: HearDeps,
  scms: readonly ScmProvider[],
): ReadonlyMap<string, ForgeEar> {
  const kinds = new Map<string, ScmProvider[]>();
  for (const scm of scms.filter((one) => one.hear !== undefined)) {
    const kind = scm.id.split(":")[0] ?? scm.id;
    kinds.set(kind, [...(kinds.get(kind) ?? []), scm]);
  }
  return new Map(
    [...kinds].map(([kind, providers]) => [kind, (call) => hear(deps, providers, call)]),
  );
}

/**
 * Asks each configured provider of the kind whether the call is of its forge. What it tells is taken once, however often it
 * is delivered, and only asks for refreshes: whoever calls never waits for source control.
 */
async function hear(
  deps: HearDeps,
  providers: readonly ScmProvider[],
  call: ProviderCall,
): Promise<Heard> {
  const answers = await Promise.all(
    providers.map(async (scm) => ({ scm, news: await newsOf(deps, scm, call) })),
  );
  let heard: Heard = answers.some(({ news }) => news.kind === "ignored") ? 204 : 401;
  for (const { scm, news } of answers) {
    if (news.kind === "changed") {
      await take(deps, scm, news);
      heard = 202;
    }
  }
  if (heard === 401) {
    deps.logger.warn(
      { providers: providers.map(({ id }) => id), bytes: call.body.length },
      "a webhook call was signed by nobody we know",
    );
  }
  return heard;
}

/** A call that a provider cannot read is none of its own; the forge need not be told to send it again. */
async function newsOf(
  { logger }: HearDeps,
  scm: ScmProvider,
  call: ProviderCall,
): Promise<ProviderNews> {
  try {
    return (await scm.hear?.(call)) ?? { kind: "forged" };
  } catch (error) {
    logger.error({ err: error, provider: scm.id }, "reading a webhook call broke");
    return { kind: "ignored" };
  }
}

/** Remembers the delivery and asks for the refreshes in one transaction, so that neither happens without the other. */
async function take(deps: HearDeps, scm: ScmProvider, news: Changed): Promise<void> {
  const { uow, clock, logger } = deps;
  try {
    await uow.run(async (tx) => {
      const now = clock.now();
      await ChatDeliveryRow.create(
        { id: deliveryKey(scm, news.deliveryId), receivedAt: now },
        { transaction: tx.sequelize },
      );
      const releases = await concernedReleases(tx, news);
      for (const number of releases) {
        await tx.enqueue({
          name: "release.refresh",
          payload: { number },
          key: `release.refresh/${number}`,
          runAt: new Date(now.getTime() + HEAR_DELAY_MS),
        });
      }
      logger.debug({ repository: news.repository.name, releases }, "heard of a change");
    });
  } catch (error) {
    if (!(error instanceof UniqueConstraintError)) {
      throw error;
    }
    logger.debug({ provider: scm.id }, "a webhook call was delivered again");
  }
}

/**
 * The open releases a change may show in: those with the repository whose branches moved, also when it would only join now,
 * and, where something else changed (a pull request, checks), those with an item of it.
 */
async function concernedReleases(tx: Tx, news: Changed): Promise<readonly number[]> {
  const transaction = tx.sequelize;
  const open = await ReleaseRow.findAll({
    attributes: ["id", "number", "sourceBranch", "destinationBranch", "repositories"],
    where: { kind: "branch", status: [...REFRESHED_STATUSES] },
    order: [["number", "ASC"]],
    transaction,
  });
  const items = await ReleaseItemRow.findAll({
    attributes: ["releaseId"],
    where: { releaseId: open.map(({ id }) => id), repository: news.repository.name },
    transaction,
  });
  const holders = new Set(items.map(({ releaseId }) => releaseId));
  return open
    .filter((release) => isConcerned(release, holders.has(release.id), news))
    .map(({ number }) => number);
}

function isConcerned(
  release: Pick<ReleaseRow, "sourceBranch" | "destinationBranch" | "repositories">,
  holdsItem: boolean,
  { branches, repository }: Changed,
): boolean {
  if (branches === null) {
    return holdsItem;
  }
  const { sourceBranch, destinationBranch, repositories } = release;
  const mayJoin = repositories === null || repositories.includes(repository.name);
  return (
    (holdsItem || mayJoin) &&
    branches.some((branch) => branch === sourceBranch || branch === destinationBranch)
  );
}

/** Of one length whatever the forge sends. */
function deliveryKey(scm: ScmProvider, deliveryId: string): string {
  return `scm:${scm.id}/${createHash("sha256").update(deliveryId).digest("hex")}`;
}

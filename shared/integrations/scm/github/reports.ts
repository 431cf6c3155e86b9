import { z } from "zod";
import type { CommitStatus, DeploymentReport } from "../../../core/ports/scm.ts";
import { cleanText } from "../../../lib/text.ts";
import { isRecord, type GithubClient } from "./client.ts";
import { GithubFailed, missingRefFailure, nonsenseFailure } from "./failures.ts";
import { repoPath } from "./pull-requests.ts";
import { createQuestion, type RepoAddress } from "./question.ts";

/** Longest descriptions GitHub takes, of statuses and of deployments. */
const DESCRIPTION_LENGTH = 140;
/** Recorded deployments of one environment that are looked through. */
const MOST_DEPLOYMENTS = 50;

interface Site {
  readonly client: GithubClient;
  readonly address: RepoAddress;
  readonly about: string;
  readonly signal: AbortSignal;
}

const Statuses = z.object({
  statuses: z.array(
    z.object({
      context: z.string(),
      state: z.string(),
      description: z.string().nullish(),
      target_url: z.string().nullish(),
    }),
  ),
});

/** https://docs.github.com/en/rest/commits/statuses */
export async function reportStatus(site: Site, sha: string, status: CommitStatus): Promise<void> {
  const { client, address, about, signal } = site;
  const description = cleanText(status.description, DESCRIPTION_LENGTH);
  try {
    const { data } = await client.read(
      {
        path: `${repoPath(address)}/commits/${sha}/status`,
        query: { per_page: 100 },
        schema: Statuses,
        operation: "looking at statuses",
        about,
        conditional: "statuses-1",
      },
      signal,
    );
    const shown = data.statuses.find(({ context }) => context === status.context);
    if (
      shown?.state === status.state &&
      (shown.description ?? "") === description &&
      (shown.target_url ?? null) === status.url
    ) {
      return;
    }
    await client.write(
      {
        method: "POST",
        path: `${repoPath(address)}/statuses/${sha}`,
        body: {
          state: status.state,
          context: status.context,
          description,
          ...(status.url === null ? {} : { target_url: status.url }),
        },
        schema: z.object({ context: z.string() }),
        operation: "showing a status",
        about,
      },
      signal,
    );
  } catch (error) {
    throw explainMissing(error, about, sha);
  }
}

const Deployments = z.object({
  deployments: z.object({
    nodes: z.array(
      z.object({
        databaseId: z.number(),
        payload: z.string().nullable(),
        commitOid: z.string(),
        latestStatus: z
          .object({
            state: z.string(),
            description: z.string().nullable(),
            logUrl: z.string().nullable(),
          })
          .nullable(),
      }),
    ),
  }),
});
type Recorded = z.output<typeof Deployments>["deployments"]["nodes"][number];

/**
 * Records a deployment, or moves the recorded one on. Ours are known by the number in their payload, so that after a crash
 * the same one is found again. Once ours is live, older ones of ours in that environment become inactive.
 * https://docs.github.com/en/rest/deployments
 */
export async function reportDeployment(site: Site, report: DeploymentReport): Promise<void> {
  const recorded = await listDeployments(site, report.environment);
  const present = recorded.find(
    (one) => numberOf(one) === report.deployment && one.commitOid === report.sha,
  );
  const id = present?.databaseId ?? (await createDeployment(site, report));
  const description = cleanText(report.description, DESCRIPTION_LENGTH);
  const latest = present?.latestStatus;
  const isSaid =
    latest?.state.toLowerCase() === report.state &&
    (latest.description ?? "") === description &&
    (latest.logUrl || null) === report.url;
  if (!isSaid) {
    await addStatus(site, id, {
      state: report.state,
      description,
      ...(report.url === null ? {} : { log_url: report.url }),
    });
  }
  if (report.state === "success") {
    const older = recorded.filter((one) => {
      const number = numberOf(one);
      return (
        one.databaseId !== id &&
        number !== null &&
        number < report.deployment &&
        ["SUCCESS", "IN_PROGRESS", "QUEUED", "PENDING"].includes(one.latestStatus?.state ?? "")
      );
    });
    for (const one of older) {
      await addStatus(site, one.databaseId, { state: "inactive", description: "" });
    }
  }
}

async function listDeployments(
  { client, address, signal }: Site,
  environment: string,
): Promise<readonly Recorded[]> {
  const operation = "looking at deployments";
  const question = createQuestion();
  question.repository(
    address,
    () => `deployments(
      environments: [${question.variable(environment)}], first: ${MOST_DEPLOYMENTS},
      orderBy: { field: CREATED_AT, direction: DESC }
    ) {
      nodes { databaseId payload commitOid latestStatus { state description logUrl } }
    }`,
  );
  const [answer] = await question.ask(client, { operation }, signal);
  if (answer === undefined || "failure" in answer) {
    throw new GithubFailed(answer?.failure ?? nonsenseFailure(operation));
  }
  const found = Deployments.safeParse(answer.data);
  if (!found.success) {
    throw new GithubFailed(answer.refused.get("deployments") ?? nonsenseFailure(operation));
  }
  return found.data.deployments.nodes;
}

async function createDeployment(
  { client, address, about, signal }: Site,
  report: DeploymentReport,
): Promise<number> {
  try {
    const { id } = await client.write(
      {
        method: "POST",
        path: `${repoPath(address)}/deployments`,
        body: {
          ref: report.sha,
          environment: report.environment,
          description: cleanText(report.description, DESCRIPTION_LENGTH),
          payload: { slipway: { deployment: report.deployment } },
          // What goes out is decided here and was signed: nothing is merged into it and nothing else is waited for.
          auto_merge: false,
          required_contexts: [],
        },
        schema: z.object({ id: z.number() }),
        operation: "recording the deployment",
        about,
      },
      signal,
    );
    return id;
  } catch (error) {
    throw explainMissing(error, about, report.sha);
  }
}

async function addStatus(
  { client, address, about, signal }: Site,
  id: number,
  body: Readonly<Record<string, unknown>>,
): Promise<void> {
  await client.write(
    {
      method: "POST",
      path: `${repoPath(address)}/deployments/${id}/statuses`,
      // Ours are made inactive one by one: GitHub's own way leaves out production and takes those of others along.
      body: { ...body, auto_inactive: false },
      schema: z.object({ id: z.number() }),
      operation: "recording the state of the deployment",
      about,
    },
    signal,
  );
}

/** Number of our deployment in what we once sent along; null for those of others. */
function numberOf({ payload }: Recorded): number | null {
  let value: unknown = payload;
  // What was sent as an object comes back as text, and from some versions as text of a text.
  for (let depth = 0; depth < 2 && typeof value === "string"; depth += 1) {
    try {
      value = JSON.parse(value);
    } catch {
      return null;
    }
  }
  const ours = isRecord(value) ? value["slipway"] : undefined;
  const number = isRecord(ours) ? ours["deployment"] : undefined;
  return typeof number === "number" ? number : null;
}

/** A commit that a force-push took away is refused with the words for a field that is wrong. */
function explainMissing(error: unknown, about: string, sha: string): unknown {
  return error instanceof GithubFailed &&
    error.refusal?.status === 422 &&
    /no (?:commit|ref) found/i.test(error.refusal.message)
    ? new GithubFailed(missingRefFailure(about, sha, true), { refusal: error.refusal })
    : error;
}

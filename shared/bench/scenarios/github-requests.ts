import PQueue from "p-queue";
import type { ScmProvider } from "../../core/ports/scm.ts";
import type * as GithubScm from "../../integrations/scm/github/index.ts";
import type * as GithubOptionsModule from "../../integrations/scm/github/options.ts";
import {
  startFakeGithub,
  type FakeGithub,
  type SeenRequest,
} from "../../integrations/scm/github/testing/fake-github.ts";
import { compare, summarise, timed } from "../measure.ts";
import { importBuilt } from "../paths.ts";
import { atMost, type Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";

const REPOSITORIES = 300;
const CHANGED = 40;
const MOST_TO_CREATE = 12 + CHANGED;
const MOST_TO_REFRESH = 6;
const CONCURRENCY = 8;
/** What every answer takes longer than the fake needs, as over a network: it is chains of requests that make people wait. */
const LATENCY_MS = 60;
const GOAL = 1.3;

export const githubRequestsScenario: Scenario = {
  name: "github-requests",
  title: "GitHub: requests and time for 300 repositories of which 40 changed",
  async run({ isQuick, progress }) {
    progress(`making ${REPOSITORIES} repositories behind a fake GitHub`);
    const fake = await startFakeGithub();
    try {
      await makeRepositories(fake);
      fake.settings.latencyMs = LATENCY_MS;
      const create = await importProvider(fake);
      const rounds = isQuick ? 2 : 5;

      const created = await recordRequests(fake, () => readAll(create()));
      const settled = create();
      await readAll(settled);
      const refreshed = await recordRequests(fake, () => readAll(settled));
      return [
        countRow("requests to create a release", created, MOST_TO_CREATE),
        countRow("requests to refresh it when nothing changed", refreshed, MOST_TO_REFRESH),
        await timeRow(
          `creating: listing, comparing, pull requests, checks and identities (${created.length} requests)`,
          { fake, requests: created, rounds },
          () => readAll(create()),
        ),
        await timeRow(
          `refreshing when nothing changed (${refreshed.length} requests)`,
          { fake, requests: refreshed, rounds },
          () => readAll(settled),
        ),
      ];
    } finally {
      await fake.close();
    }
  },
};

async function makeRepositories(fake: FakeGithub): Promise<void> {
  const plain = await fake.create("acme/service-1");
  const root = await plain.commit("master", { title: "begin", files: { "a.txt": "one\n" } });
  await plain.move("uat", root);
  for (let number = 2; number <= REPOSITORIES; number += 1) {
    const repository = await fake.create(`acme/service-${number}`, plain);
    if (number > REPOSITORIES - CHANGED) {
      await repository.commit("uat", {
        title: `feat: change ${number}`,
        files: { "a.txt": `${number}\n` },
      });
    }
  }
}

/** Makes providers that know nothing yet. */
async function importProvider(fake: FakeGithub): Promise<() => ScmProvider> {
  const { createGithubScm } = await importBuilt<typeof GithubScm>(
    "shared/integrations/scm/github/index.js",
  );
  const { GithubOptions } = await importBuilt<typeof GithubOptionsModule>(
    "shared/integrations/scm/github/options.js",
  );
  const options = GithubOptions.parse({
    organization: "acme",
    token: fake.token,
    base_url: fake.url,
    concurrency: CONCURRENCY,
  });
  return () => createGithubScm(options, { id: "github:0" });
}

/** What creating or refreshing a release asks of source control. */
async function readAll(scm: ScmProvider): Promise<void> {
  const { signal } = new AbortController();
  const repositories = await scm.listRepositories(signal);
  const pairs = repositories.map((repository) => ({ repository, base: "master", head: "uat" }));
  let changed = 0;
  for await (const result of scm.compareMany(pairs, signal)) {
    if (!result.ok) {
      throw new Error(`${result.repository.name}: ${result.failure.reason}`);
    }
    changed += result.comparison.commitCount > 0 ? 1 : 0;
  }
  if (pairs.length !== REPOSITORIES || changed !== CHANGED) {
    throw new Error(`${pairs.length} repositories, ${changed} changed`);
  }
}

async function recordRequests(
  fake: FakeGithub,
  work: () => Promise<void>,
): Promise<readonly SeenRequest[]> {
  fake.forgetRequests();
  await work();
  return [...fake.requests];
}

function countRow(what: string, requests: readonly SeenRequest[], goal: number): Row {
  return {
    what,
    unit: "count",
    ours: summarise("Slipway", [requests.length], { rounds: 1, headline: "median" }),
    beside: [],
    goals: [atMost(requests.length, goal, String(goal))],
  };
}

async function timeRow(
  what: string,
  given: {
    readonly fake: FakeGithub;
    readonly requests: readonly SeenRequest[];
    readonly rounds: number;
  },
  work: () => Promise<void>,
): Promise<Row> {
  const [ours, alone] = await compare(
    [
      { name: "Slipway", measure: async () => [await timed(work)] },
      {
        name: "the chain of requests alone",
        measure: async () => [await timed(() => sendChain(given.fake, given.requests))],
      },
    ],
    { rounds: given.rounds, headline: "median" },
  );
  if (!ours || !alone) {
    throw new Error("nothing was measured");
  }
  return {
    what,
    unit: "ms",
    ours,
    beside: [alone],
    goals: [atMost(ours.value / alone.value, GOAL, `${GOAL} × the chain of requests alone`)],
  };
}

/**
 * The same requests, bare: each as soon as what it depends on is there, as many at a time. The first page of a list says how
 * many there are, the list whose branches to look up, the branches what to compare, and the comparison whose modes to read.
 */
async function sendChain(fake: FakeGithub, requests: readonly SeenRequest[]): Promise<void> {
  const stageOf = ({ path, body }: SeenRequest) => {
    if (path.startsWith("/orgs")) {
      return path.endsWith("page=1") ? 0 : 1;
    }
    if (path.includes("/compare/")) {
      return 3;
    }
    return body.includes("isDisabled") ? 2 : 4;
  };
  const queue = new PQueue({ concurrency: CONCURRENCY });
  for (const stage of [0, 1, 2, 3, 4]) {
    const now = requests.filter((request) => stageOf(request) === stage);
    await queue.addAll(now.map((request) => () => sendBare(fake, request)));
  }
}

async function sendBare(fake: FakeGithub, { method, path, headers, body }: SeenRequest) {
  const root = path === "/graphql" ? fake.url.replace(/\/v3$/, "") : fake.url;
  const condition = headers["if-none-match"];
  const response = await fetch(`${root}${path}`, {
    method,
    headers: {
      authorization: `token ${fake.token}`,
      "user-agent": "bench",
      ...(condition === undefined ? {} : { "if-none-match": condition }),
    },
    ...(body === "" ? {} : { body }),
  });
  await response.arrayBuffer();
  if (![200, 304].includes(response.status)) {
    throw new Error(`${method} ${path}: ${response.status}`);
  }
}

import { readCommit } from "./fake-rest.ts";
import type { FakePull, FakeRepository } from "./fake-repository.ts";
import { FieldError, type Resolvable } from "./graphql-query.ts";

/** Files about which nothing is told, whatever is asked about them. */
const LARGEST_FILE = 10 * 1024 * 1024;

/** What the queries of the provider may ask of a repository, as https://docs.github.com/en/graphql/reference/objects names it. */
export function repositoryFields(repository: FakeRepository, web: string): Resolvable {
  // One query sees one state, and reads it once.
  let read: ReturnType<FakeRepository["refs"]> | undefined;
  const refs = () => (read ??= repository.refs());
  const url = `${web}/${repository.fullName}`;
  return {
    __typename: "Repository",
    nameWithOwner: repository.fullName,
    url,
    isEmpty: async () => (await refs()).size === 0,
    isDisabled: repository.isDisabled,
    isArchived: repository.isArchived,
    ref: ({ qualifiedName }: { qualifiedName: string }) =>
      refFields(repository, refs, qualifiedName, url),
    object: (args: { oid?: string; expression?: string }) =>
      objectFields(repository, refs, args, url),
    pullRequests: (args: PullArguments) => pullFields(repository, args, url),
    deployments: (args: { environments?: readonly string[]; first: number }) =>
      deploymentFields(repository, args),
  };
}

type ReadRefs = FakeRepository["refs"];

async function refFields(repository: FakeRepository, refs: ReadRefs, name: string, url: string) {
  const sha = (await refs()).get(name);
  if (sha === undefined) {
    return null;
  }
  const commit = (await repository.known("rev-parse", `${sha}^{commit}`)).trim();
  return {
    __typename: "Ref",
    name: name.replace(/^refs\/(?:heads|tags)\//, ""),
    target: () => anyObject(repository, sha, url),
    compare: async ({ headRef }: { headRef: string }) =>
      compareFields(repository, refs, commit, headRef),
  };
}

/** https://docs.github.com/en/graphql/reference/objects#comparison */
async function compareFields(
  repository: FakeRepository,
  readRefs: ReadRefs,
  base: string,
  headRef: string,
) {
  const refs = await readRefs();
  const found = refs.get(`refs/heads/${headRef}`) ?? refs.get(`refs/tags/${headRef}`) ?? headRef;
  const head = (await repository.known("rev-parse", "--verify", "-q", `${found}^{commit}`)).trim();
  const mergeBase = head && (await repository.known("merge-base", base, head)).trim();
  if (mergeBase === "") {
    throw new FieldError("NOT_FOUND", `No common ancestor between ${base} and ${headRef}.`);
  }
  const counts = await repository.known("rev-list", "--left-right", "--count", `${base}...${head}`);
  const [behindBy = 0, aheadBy = 0] = counts.trim().split("\t").map(Number);
  return {
    __typename: "Comparison",
    aheadBy,
    behindBy,
    baseTarget: { __typename: "Commit", oid: base },
    headTarget: { __typename: "Commit", oid: head },
  };
}

async function objectFields(
  repository: FakeRepository,
  readRefs: ReadRefs,
  { oid, expression }: { oid?: string; expression?: string },
  url: string,
) {
  if (oid !== undefined && !/^[0-9a-f]{40}$/.test(oid)) {
    throw new Error("Could not coerce value to GitObjectID");
  }
  const refs = await readRefs();
  const sha = oid ?? refs.get(expression ?? "");
  return sha === undefined ? null : anyObject(repository, sha, url);
}

async function anyObject(
  repository: FakeRepository,
  sha: string,
  url: string,
): Promise<Resolvable | null> {
  const type = await repository.typeOf(sha);
  if (type === "commit") {
    return commitFields(repository, sha, url);
  }
  if (type === "tag") {
    const target = /^object ([0-9a-f]{40})$/m.exec(
      await repository.known("cat-file", "-p", sha),
    )?.[1];
    return {
      __typename: "Tag",
      __interface: "GitObject",
      oid: sha,
      target: () => anyObject(repository, target ?? "", url),
    };
  }
  return type === null ? null : { __typename: type === "tree" ? "Tree" : "Blob", oid: sha };
}

function commitFields(repository: FakeRepository, sha: string, url: string): Resolvable {
  return {
    __typename: "Commit",
    __interface: "GitObject",
    oid: sha,
    url: `${url}/commit/${sha}`,
    message: async () => (await readCommit(repository, sha)).message,
    author: async () => (await readCommit(repository, sha)).author,
    statusCheckRollup: () => rollupFields(repository, sha),
    history: async ({ first, after }: { first: number; after?: string }) => {
      const all = (await repository.known("rev-list", sha)).trim().split("\n");
      const from = after === undefined ? 0 : Number(after);
      const shown = all.slice(from, from + first);
      return {
        __typename: "CommitHistoryConnection",
        totalCount: all.length,
        nodes: shown.map((one) => commitFields(repository, one, url)),
        pageInfo: {
          hasNextPage: from + first < all.length,
          endCursor: String(from + shown.length),
        },
      };
    },
    file: async ({ path }: { path: string }) => {
      const line = await repository.known("ls-tree", "-z", "--long", sha, "--", path);
      const [, mode, oid, size, name] = /^(\d+) \w+ ([0-9a-f]+) +(\S+)\t(.*)\0$/s.exec(line) ?? [];
      // Neither is documented: the schema only says that it may be null.
      if (mode === undefined || name !== path) {
        throw new FieldError("NOT_FOUND", `Could not resolve file for path '${path}'.`);
      }
      if (Number(size) > LARGEST_FILE) {
        throw new FieldError("UNPROCESSABLE", "Could not resolve the file: it is too large.");
      }
      return {
        __typename: "TreeEntry",
        mode: Number.parseInt(mode, 8),
        oid,
        size: Number(size) || 0,
      };
    },
  };
}

function rollupFields(repository: FakeRepository, sha: string): Resolvable | null {
  const checks = (repository.checks.get(sha) ?? []).map((check) => ({
    __typename: "CheckRun",
    name: check.name,
    status: check.status,
    conclusion: check.conclusion,
    detailsUrl: check.url ?? null,
  }));
  const newest = new Map((repository.statuses.get(sha) ?? []).map((one) => [one.context, one]));
  const statuses = [...newest.values()].map((status) => ({
    __typename: "StatusContext",
    context: status.context,
    state: status.state.toUpperCase(),
    targetUrl: status.targetUrl,
  }));
  const contexts = [...checks, ...statuses];
  const words = [
    ...checks.map(({ status, conclusion }) => (status === "COMPLETED" ? conclusion : "PENDING")),
    ...statuses.map(({ state }) => state),
  ];
  const isBad = (word: string | null) =>
    !["SUCCESS", "NEUTRAL", "SKIPPED", "PENDING", "EXPECTED"].includes(word ?? "");
  if (contexts.length === 0) {
    return null;
  }
  const state = words.some((word) => ["PENDING", "EXPECTED"].includes(word ?? ""))
    ? "PENDING"
    : "SUCCESS";
  return {
    __typename: "StatusCheckRollup",
    state: words.some(isBad) ? "FAILURE" : state,
    contexts: ({ first }: { first: number }) => ({
      __typename: "StatusCheckRollupContextConnection",
      totalCount: contexts.length,
      nodes: contexts.slice(0, first),
    }),
  };
}

interface PullArguments {
  readonly states: readonly string[];
  readonly baseRefName?: string;
  readonly headRefName?: string;
  readonly first: number;
  readonly orderBy: { readonly field: string };
}

/** By name of the branch alone: those of forks are among them. */
function pullFields(repository: FakeRepository, args: PullArguments, url: string): Resolvable {
  const stateOf = (pull: FakePull) => {
    if (pull.state === "open") {
      return "OPEN";
    }
    return pull.mergedAt === null ? "CLOSED" : "MERGED";
  };
  const byTime = args.orderBy.field === "UPDATED_AT" ? "updatedAt" : "createdAt";
  const found = repository.pulls
    .filter((pull) => args.states.includes(stateOf(pull)))
    .filter(({ base, head }) => base === args.baseRefName && head === args.headRefName)
    .sort((a, b) => (a[byTime] < b[byTime] ? 1 : -1));
  return {
    __typename: "PullRequestConnection",
    totalCount: found.length,
    nodes: found.slice(0, args.first).map((pull) => ({
      __typename: "PullRequest",
      number: pull.number,
      url: `${url}/pull/${pull.number}`,
      title: pull.title,
      isCrossRepository: pull.fork !== null,
      mergedAt: pull.mergedAt,
    })),
  };
}

function deploymentFields(
  repository: FakeRepository,
  { environments, first }: { environments?: readonly string[]; first: number },
): Resolvable {
  const found = repository.deployments
    .filter(({ environment }) => environments?.includes(environment) ?? true)
    .reverse();
  return {
    __typename: "DeploymentConnection",
    nodes: found.slice(0, first).map((deployment) => {
      const latest = deployment.statuses.at(-1);
      return {
        __typename: "Deployment",
        databaseId: deployment.id,
        payload: JSON.stringify(deployment.payload),
        commitOid: deployment.sha,
        latestStatus:
          latest === undefined
            ? null
            : {
                __typename: "DeploymentStatus",
                state: latest.state.toUpperCase(),
                description: latest.description,
                logUrl: latest.logUrl,
              },
      };
    }),
  };
}

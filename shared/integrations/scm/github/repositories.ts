import { z } from "zod";
import type { RepoRef } from "../../../core/ports/scm.ts";
import { createNameFilter } from "../name-filter.ts";
import type { GithubClient } from "./client.ts";
import type { GithubOptions } from "./options.ts";

const PAGE = 100;

const Listed = z.object({
  name: z.string(),
  full_name: z.string(),
  archived: z.boolean(),
  topics: z.array(z.string()).optional(),
});
type Listed = z.output<typeof Listed>;

/** Which repositories an entry of the configuration stands for. */
export interface Repositories {
  /** All of them, as GitHub lists them now. Asks only whether pages have changed that were seen before. */
  list(signal: AbortSignal): Promise<readonly RepoRef[]>;
  /** The one with this full name; null when this entry does not take it. Never asks. */
  find(fullName: string, topics?: readonly string[]): RepoRef | null;
}

/** People say the short name of a repository, and the full one where an entry has two of the same short name. */
export function createRepositories(
  provider: string,
  options: GithubOptions,
  client: GithubClient,
): Repositories {
  const owner = options.organization ?? options.user;
  const isWanted = createNameFilter(options);
  const single = singleRepositories(provider, options, owner);
  const singleByName = new Map(single.map((one) => [one.locator.toLowerCase(), one]));

  return { list, find };

  async function list(signal: AbortSignal): Promise<readonly RepoRef[]> {
    signal.throwIfAborted();
    const listed = owner === undefined ? [] : await readPages(owner, signal);
    const discovered = listed
      // What is archived cannot be changed any more, so there is nothing to release from it.
      .filter(({ archived }) => !archived)
      .flatMap(({ full_name: fullName, topics }) => find(fullName, topics ?? []) ?? [])
      .filter(({ locator }) => !singleByName.has(locator.toLowerCase()));
    return [...single, ...discovered];
  }

  function find(fullName: string, topics?: readonly string[]): RepoRef | null {
    const present = singleByName.get(fullName.toLowerCase());
    if (present !== undefined) {
      return present;
    }
    const [account = "", name = ""] = fullName.split("/");
    const hasTopic =
      options.topic === undefined || topics === undefined || topics.includes(options.topic);
    return owner?.toLowerCase() === account.toLowerCase() && hasTopic && isWanted({ name })
      ? { provider, name, locator: fullName }
      : null;
  }

  async function readPages(account: string, signal: AbortSignal): Promise<readonly Listed[]> {
    const { path, query, schema } = await chooseList(account, signal);
    const read = async (page: number) =>
      client.read(
        {
          path,
          query: { ...query, per_page: PAGE, page },
          schema,
          operation: "listing repositories",
          about: `account ${account}`,
          conditional: "repositories-1",
        },
        signal,
      );
    const first = await read(1);
    // The first page says how many there are, so the others need not wait for each other.
    const last = Number(URL.parse(first.links["last"] ?? "")?.searchParams.get("page") ?? 1);
    const rest = await Promise.all(
      Array.from({ length: Math.max(0, last - 1) }, (_, index) => read(index + 2)),
    );
    const mine = account.toLowerCase();
    const seen = new Set<string>();
    return [first, ...rest]
      .flatMap(({ data }) => data)
      .filter(({ full_name: fullName }) => {
        const name = fullName.toLowerCase();
        // Pages shift while they are read: one may come twice.
        return name.startsWith(`${mine}/`) && !seen.has(name) && seen.add(name) !== undefined;
      });
  }

  /** Where the list is depends on who asks: an App sees where it is installed, people see their own private ones apart. */
  async function chooseList(account: string, signal: AbortSignal) {
    const plain = z.array(Listed);
    if (options.app !== undefined) {
      return {
        path: "/installation/repositories",
        query: {},
        schema: z
          .object({ repositories: plain })
          .transform((answer) => answer.repositories)
          .or(plain),
      };
    }
    if (options.user === undefined) {
      return {
        path: `/orgs/${encodeURIComponent(account)}/repos`,
        query: { type: "all", sort: "full_name" },
        schema: plain,
      };
    }
    const { data: me } = await client.read(
      {
        path: "/user",
        schema: z.object({ login: z.string() }),
        operation: "signing in",
        about: "account of this token",
        conditional: "user-1",
      },
      signal,
    );
    return me.login.toLowerCase() === account.toLowerCase()
      ? { path: "/user/repos", query: { affiliation: "owner", sort: "full_name" }, schema: plain }
      : {
          path: `/users/${encodeURIComponent(account)}/repos`,
          query: { type: "owner", sort: "full_name" },
          schema: plain,
        };
  }
}

/** Those the configuration names one by one, in its order. Their names depend on the configuration alone. */
function singleRepositories(
  provider: string,
  options: GithubOptions,
  owner: string | undefined,
): readonly RepoRef[] {
  const names = (options.repositories ?? []).map((fullName) => ({
    fullName,
    account: fullName.slice(0, fullName.indexOf("/")).toLowerCase(),
    short: fullName.slice(fullName.indexOf("/") + 1),
  }));
  return names.map(({ fullName, account, short }) => {
    const isForeign = owner !== undefined && account !== owner.toLowerCase();
    const hasTwin = names.some(
      (other) => other.fullName !== fullName && other.short.toLowerCase() === short.toLowerCase(),
    );
    return { provider, name: isForeign || hasTwin ? fullName : short, locator: fullName };
  });
}

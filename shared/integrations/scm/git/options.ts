import { availableParallelism } from "node:os";
import { z } from "zod";
import { PositiveDuration } from "../../../config/duration.ts";
import { Name, Text, wholeNumber } from "../../../config/values.ts";
import { NamePattern } from "../name-filter.ts";
import { parseRemoteUrl, remoteName } from "./remote-url.ts";

const Address = Text.superRefine((text, context) => {
  const problem = parseRemoteUrl(text);
  if ("why" in problem) {
    context.addIssue({ code: "custom", message: problem.why, params: { fix: problem.fix } });
  }
});

/** One entry of `repositories` with `provider: git`. At least one of `root`, `url` and `urls`. */
export const GitOptions = z
  .strictObject({
    provider: z.literal("git").optional(),
    /** Folder whose sub-folders are repositories, bare or not, or that is one itself; relative to the configuration file. */
    root: Text.optional(),
    /** One repository by https, ssh or file address. It is kept as a mirror and fetched before it is read. */
    url: Address.optional(),
    /** Several repositories by address. */
    urls: z.array(Address).min(1).max(10_000).optional(),
    /** What people call the repository at `url`; by default the last part of its address. */
    name: Name.optional(),
    /** Names to keep, with `*` and `?`. Left out: all. */
    include: z.array(NamePattern).max(1000).optional(),
    /** Names to leave out, with `*` and `?`. */
    exclude: z.array(NamePattern).max(1000).optional(),
    /** Longest run of one git command. The first copy of a repository by address may take ten times that. */
    timeout: PositiveDuration.default(30_000),
    /** Git processes at a time. */
    concurrency: wholeNumber(1, 64).default(() => Math.max(4, 2 * availableParallelism())),
  })
  .superRefine((given, context) => {
    const names = (given.urls ?? []).map(remoteName);
    if (given.url !== undefined) {
      names.push(given.name ?? remoteName(given.url));
    }
    if (given.root === undefined && names.length === 0) {
      context.addIssue({
        code: "custom",
        message: "names no repository",
        params: { fix: "Set root (a folder of repositories), url or urls." },
      });
    }
    if (given.name !== undefined && given.url === undefined) {
      context.addIssue({
        code: "custom",
        path: ["name"],
        message: "is the name of the repository at url, and there is no url",
        params: { fix: "Set url, or remove this." },
      });
    }
    const twice = names.find((name, index) => names.indexOf(name) < index);
    if (twice !== undefined) {
      context.addIssue({
        code: "custom",
        path: [given.urls === undefined ? "url" : "urls"],
        message: `two repositories would be called "${twice}"`,
        params: { fix: "Give one of them an entry of its own, with url and name." },
      });
    }
  });
export type GitOptions = z.output<typeof GitOptions>;

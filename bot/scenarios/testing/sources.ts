import { join } from "node:path";
import { startFakeGithub } from "../../../shared/integrations/scm/github/testing/fake-github.ts";
import type { Source } from "./installation.ts";
import { AUTHOR, commitOn, createRepository, git } from "./repository.ts";

/** Repositories in a folder of this machine. */
export async function gitSource(folder: string): Promise<Source> {
  const root = join(folder, "team/repos");
  return {
    entry: { provider: "git", root },
    env: {},
    async create(service, files) {
      createRepository(join(root, service), files);
      return git(join(root, service), "rev-parse", "master");
    },
    commit: async (service, title) => commitOn(join(root, service), title),
    branch: async (service, branch) => git(join(root, service), "rev-parse", branch),
    close: async () => undefined,
  };
}

const ORGANIZATION = "acme";

/** An organisation of the fake of GitHub, with real repositories behind it. */
export async function githubSource(): Promise<Source> {
  const github = await startFakeGithub();
  const repository = (service: string) => github.repository(`${ORGANIZATION}/${service}`);
  const titles = new Map<string, string>();
  return {
    entry: {
      provider: "github",
      organization: ORGANIZATION,
      base_url: github.url,
      token: "${GITHUB_TOKEN}",
    },
    env: { GITHUB_TOKEN: github.token },
    async create(service, files) {
      const made = await github.create(`${ORGANIZATION}/${service}`);
      const sha = await made.commit("master", {
        title: "first commit",
        authors: [AUTHOR],
        files: { ...files, "CHANGES.txt": "first commit\n" },
      });
      await made.move("uat", sha);
      return sha;
    },
    async commit(service, title) {
      titles.set(service, `${titles.get(service) ?? ""}${title}\n`);
      return repository(service).commit("uat", {
        title,
        authors: [AUTHOR],
        files: { "CHANGES.txt": titles.get(service) ?? "" },
      });
    },
    async branch(service, branch) {
      const tip = await repository(service).tip(branch);
      if (tip === undefined) {
        throw new Error(`${service} has no branch ${branch}.`);
      }
      return tip;
    },
    close: () => github.close(),
  };
}

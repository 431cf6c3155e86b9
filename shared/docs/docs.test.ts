import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url).pathname;
const documents = [
  "README.md",
  "CHANGELOG.md",
  ".github/CONTRIBUTING.md",
  ...readdirSync(join(root, "shared/docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `shared/docs/${name}`),
  "shared/bench/README.md",
  ...readdirSync(join(root, "shared/docs/adr")).map((name) => `shared/docs/adr/${name}`),
].filter((path) => existsSync(join(root, path)));

/** Folders of ours in backticks, and what Markdown links to inside the repository. */
function mentioned(document: string, text: string): readonly string[] {
  const folders = [...text.matchAll(/`((?:bot|dashboard|shared)\/[\w./-]+)`/g)].map(
    ([, path]) => path ?? "",
  );
  const links = [...text.matchAll(/\]\(((?!https?:|#)[^)\s]+)\)/g)].map(([, target]) =>
    join(dirname(document), (target ?? "").replace(/#.*$/, "")),
  );
  return [...folders, ...links];
}

describe("documentation", () => {
  it.each(documents)("%s mentions only what exists", (document) => {
    const text = readFileSync(join(root, document), "utf8");

    const missing = mentioned(document, text).filter((path) => !existsSync(join(root, path)));

    expect(missing).toEqual([]);
  });

  it("shows the commands a newcomer needs", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");

    expect(readme).toContain("npm ci && npm start");
    expect(readme).toContain("npm ci && npm test");
  });

  it("numbers its decision records without a gap", () => {
    const numbers = readdirSync(join(root, "shared/docs/adr"))
      .sort()
      .map((name) => Number(name.slice(0, 4)));

    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});

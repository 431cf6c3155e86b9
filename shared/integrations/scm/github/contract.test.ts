import { forgeContract } from "../../../testing/forge-contract.ts";
import { scmContract } from "../../../testing/scm-contract.ts";
import { githubWorkbench } from "./testing/github-workbench.ts";

scmContract("github", () => githubWorkbench());
forgeContract("github", () => githubWorkbench());

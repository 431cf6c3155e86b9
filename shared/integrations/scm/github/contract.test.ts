import { scmContract } from "../../../testing/scm-contract.ts";
import { githubWorkbench } from "./testing/github-workbench.ts";

scmContract("github", () => githubWorkbench());

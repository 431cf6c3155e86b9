import { createOidcClient } from "../../dashboard/server/auth/oidc.ts";
import { createRepositoryFinder } from "../../shared/app/deployments/find-repository.ts";
import { createRepositoryFiles } from "../../shared/app/deployments/repository-files.ts";
import { databaseUrl, type Config } from "../../shared/config/config.ts";
import { openDatabase } from "../../shared/db/connect.ts";
import { createDatabaseCopier } from "../../shared/db/database-copier.ts";
import { planMigrations } from "../../shared/db/migrate.ts";
import { DatabaseNewer } from "../../shared/errors/catalog.ts";
import { createDeployTarget } from "../../shared/integrations/deploy/index.ts";
import { createScm } from "../../shared/integrations/scm/index.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { pluralise } from "../../shared/lib/text.ts";
import { fine, problem, warning, type Finding } from "../chat/finding.ts";
import type { CliContext } from "./command.ts";
import type { Check } from "./findings.ts";

/** Services asked about at each target: enough to see that it answers. */
const SERVICES_ASKED = 3;

/** Everything the configuration names that can be tried without changing anything. */
export function connectionChecks(config: Config, context: CliContext): readonly Check[] {
  const logger = createLogger({ level: "silent" });
  const scms = config.repositories.map((entry) =>
    createScm(entry, {
      id: entry.id,
      dataDirectory: config.dataDir,
      baseDir: config.baseDir,
      processEnvironment: context.environment,
      logger,
    }),
  );
  const services = new Set(config.services.map(({ name }) => name));
  return [
    { name: "database", try: () => tryDatabase(config, context) },
    { name: "sign-in", try: () => trySignIn(config, context) },
    ...scms.map((scm) => ({
      name: `repositories ${scm.id}`,
      async try(signal: AbortSignal): Promise<readonly Finding[]> {
        const found = await scm.listRepositories(signal);
        const names = found.map(({ name }) => name);
        return names.length === 0
          ? [
              problem(
                "It answers, and there is not one repository.",
                "Check where it looks, and its include and exclude patterns.",
              ),
            ]
          : [fine(`${pluralise(names.length, "repository", "repositories")}: ${some(names)}.`)];
      },
    })),
    ...config.environments.map(({ name, target }) => ({
      name: `target of ${name}`,
      async try(signal: AbortSignal): Promise<readonly Finding[]> {
        const asked = (
          services.size > 0
            ? [...services]
            : (await Promise.all(scms.map((scm) => scm.listRepositories(signal))))
                .flat()
                .map((repository) => repository.name)
        ).slice(0, SERVICES_ASKED);
        if (asked.length === 0) {
          return [warning("No service is known to ask about.", "Add services or repositories.")];
        }
        const made = createDeployTarget(target, {
          environment: name,
          baseDir: config.baseDir,
          processEnvironment: context.environment,
          secrets: config.secrets.map((secret) => secret.reveal()),
          clock: context.clock,
          repositoryFiles: createRepositoryFiles(createRepositoryFinder(scms, context.clock)),
        });
        await made.check?.(signal);
        const states = await made.observe(asked, signal);
        return states.map(({ service, health, version, commit, detail }) => {
          const runs = version ?? commit?.slice(0, 8);
          if (health === "unknown") {
            return problem(
              `${service}: nobody can tell what runs${detail === null ? "" : `: ${detail}`}`,
              `Run what ${target.kind} uses to observe by hand, as the user that runs Slipway.`,
            );
          }
          return health === "unhealthy"
            ? warning(
                `${service} runs ${runs ?? "something"} and is unhealthy${detail === null ? "." : `: ${detail}`}`,
                "The target answers; look at the service.",
              )
            : fine(runs === undefined ? `${service} does not run.` : `${service} runs ${runs}.`);
        });
      },
    })),
  ];
}

async function tryDatabase(config: Config, context: CliContext): Promise<readonly Finding[]> {
  const copier = createDatabaseCopier(databaseUrl(config), context.environment);
  if (!(await copier.isThere())) {
    return [fine(`Nothing is at ${copier.location} yet; the first start makes it.`)];
  }
  const logger = createLogger({ level: "silent" });
  const database = await openDatabase({ url: databaseUrl(config), logger });
  try {
    const { applied, pending, unknown } = await planMigrations(database);
    if (unknown.length > 0) {
      throw new DatabaseNewer({ database: copier.location, unknown });
    }
    return pending.length === 0
      ? [fine(`It can be written; ${pluralise(applied.length, "migration")} ran, none is missing.`)]
      : [
          warning(
            `It can be written; ${pluralise(pending.length, "migration")} will run at the next start: ${pending.join(", ")}.`,
            "Take a backup before: `slipway backup <file>`.",
          ),
        ];
  } finally {
    await database.close();
  }
}

async function trySignIn(config: Config, context: CliContext): Promise<readonly Finding[]> {
  const { provider } = config.auth;
  if (provider.kind === "embedded") {
    return [fine("The embedded identity provider is part of the server.")];
  }
  const oidc = createOidcClient(
    {
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
      redirectUrl: provider.redirectUrl ?? `${config.server.baseUrl}/auth/callback`,
      postLogoutUrl: `${config.server.baseUrl}/`,
      scopes: provider.scopes,
      claims: provider.claims,
    },
    { clock: context.clock, logger: createLogger({ level: "silent" }) },
  );
  // Asking where people sign out is what discovery is needed for, and changes nothing.
  const signOut = await oidc.endSessionUrl(null);
  return [
    fine(`${provider.issuer} answers, and is who it says it is.`),
    ...(signOut === null
      ? [
          warning(
            "It has no sign-out page, so signing out of Slipway leaves people signed in there.",
            "Nothing to do if that is meant.",
          ),
        ]
      : []),
  ];
}

function some(names: readonly string[]): string {
  const first = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${first}, and ${String(names.length - 5)} more` : first;
}

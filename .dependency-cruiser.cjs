// Who may import whom (shared/docs/architecture.md). Each rule says what to do instead.
const TESTS =
  "(\\.test\\.ts$|/testing/|/__fixtures__/|^bot/scenarios/|^shared/tooling/|^shared/bench/)";

/** Forbids imports from `from` to `to`, except in tests. */
function forbid(name, comment, from, to, exceptFrom) {
  return {
    name,
    comment,
    severity: "error",
    from: { path: from, pathNot: exceptFrom ? [TESTS, exceptFrom] : TESTS },
    to: typeof to === "string" ? { path: to } : to,
  };
}

/** A package that only one folder may import. */
function vendor(packages, home, comment) {
  return forbid(
    `only-${home.replace(/[^a-z]+/gi, "-")}-imports-${packages[0].replace(/[^a-z]+/gi, "-")}`,
    comment,
    "^(bot|dashboard|shared)/",
    `node_modules/(${packages.join("|")})/`,
    `^${home}`,
  );
}

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      comment: "Cut the circle: move the shared part into a file of its own that both import.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    forbid(
      "contract-is-browser-safe",
      "shared/contract runs in the browser: import zod only.",
      "^shared/contract/",
      { pathNot: ["^shared/contract/", "node_modules/zod"] },
    ),
    forbid(
      "lib-imports-nothing-of-ours",
      "shared/lib is small and dependency-free: pass what it needs as a parameter.",
      "^shared/lib/",
      "^(bot|dashboard|shared/(?!lib))",
    ),
    forbid(
      "core-is-pure",
      "Rules take facts and return answers. Do the reading and writing in shared/app.",
      "^shared/core/",
      "^(bot|dashboard|shared/(app|db|integrations|events|config|container))|node_modules/(sequelize|execa|express)/",
    ),
    forbid(
      "core-has-no-node-modules",
      "Rules have no clock, no files, no network. Pass the facts in.",
      "^shared/core/",
      { dependencyTypes: ["core"] },
    ),
    forbid(
      "db-and-events-know-no-use-case",
      "Storage serves use cases, not the other way round.",
      "^shared/(db|events)/",
      "^(bot|dashboard|shared/(app|integrations|config))",
    ),
    forbid(
      "integrations-know-ports-only",
      "A provider implements a port. It reaches neither the database nor a use case.",
      "^shared/integrations/",
      "^(bot|dashboard|shared/(app|db|events))",
    ),
    forbid(
      "app-gets-integrations-injected",
      "Use cases call ports. The container passes the provider in.",
      "^shared/app/",
      "^(bot|dashboard|shared/integrations)",
    ),
    forbid(
      "bot-talks-to-services",
      "The chat side asks Services; it never touches the database, a provider or the dashboard.",
      "^bot/(chat|platforms|commands|cards|subscribers)/",
      "^(dashboard|shared/(db|integrations|container|config/(?!secret|values)))",
    ),
    forbid(
      "chat-reads-no-configuration",
      "Chat, commands and cards get what they need from Services.",
      "^bot/(chat|commands|cards|subscribers)/",
      "^shared/config/",
    ),
    forbid(
      "platform-options-know-values",
      "Only the options of a platform read configuration, and of it only the kinds of values there are.",
      "^bot/platforms/[^/]+/(?!options)",
      "^shared/config/(?!secret)",
    ),
    forbid(
      "platforms-know-chat-only",
      "A platform transports and draws. Commands, cards and other platforms are not its business.",
      "^bot/platforms/([^/]+)/",
      { path: "^bot/(commands|cards|subscribers|platforms/(?!$1))" },
    ),
    forbid(
      "commands-know-no-platform",
      "A command returns a card; the platform draws it.",
      "^bot/(commands|cards)/",
      "^bot/platforms/",
    ),
    forbid(
      "server-talks-to-services",
      "Routes ask Services. Sessions and live events are services too.",
      "^dashboard/server/",
      "^(bot|shared/(db|integrations|container))",
    ),
    forbid(
      "web-knows-the-contract-only",
      "Pages import types from shared/contract and nothing else of the server.",
      "^dashboard/web/",
      "^(bot|dashboard/server|shared/(?!contract))",
    ),
    forbid(
      "sequelize-stays-in-storage",
      "Only shared/db knows Sequelize (and shared/app, for Op in queries).",
      "^(bot|dashboard|shared/(?!db|app|container))",
      "node_modules/sequelize/",
    ),
    forbid(
      "backup-knows-storage-only",
      "Backup and restore copy what is stored; they know no use case.",
      "^shared/backup/",
      "^(bot|dashboard|shared/(app|integrations|config))",
    ),
    vendor(["sqlite3"], "shared/db/sqlite", "Only the dialect of SQLite knows its driver."),
    vendor(["pg"], "shared/db/postgres", "Only the dialect of PostgreSQL knows its driver."),
    vendor(
      ["dockerode"],
      "shared/integrations/deploy/swarm",
      "Only the Swarm target speaks the Engine API.",
    ),
    vendor(["tar"], "shared/backup", "Archives are written and read by shared/backup only."),
    vendor(
      ["commander"],
      "bot/(cli|demo-swarm)",
      "What is typed at a shell is parsed in bot/cli and bot/demo-swarm.ts.",
    ),
    vendor(["execa"], "shared/integrations", "Processes are started by providers only."),
    vendor(
      ["@octokit/[^/]+"],
      "shared/integrations/scm/github",
      "GitHub is known in shared/integrations/scm/github only; everybody else calls the port.",
    ),
    vendor(
      ["openid-client", "oidc-provider", "jose"],
      "dashboard/server/auth",
      "Sign-in lives in dashboard/server/auth.",
    ),
    vendor(
      ["@mattermost"],
      "bot/platforms/mattermost",
      "What Mattermost looks like stays in its own platform.",
    ),
    vendor(["@slack"], "bot/platforms/slack", "What Slack looks like stays in its own platform."),
    vendor(
      ["discord.js", "@discordjs", "discord-api-types"],
      "bot/platforms/discord",
      "What Discord looks like stays in its own platform.",
    ),
    vendor(
      ["ws"],
      "dashboard/server",
      "The socket of the room lives in dashboard/server/room-socket.ts.",
    ),
    vendor(
      ["express", "express-session", "helmet", "express-rate-limit", "csrf-sync"],
      "dashboard/server",
      "HTTP lives in dashboard/server.",
    ),
    vendor(["vue", "pinia", "vue-router"], "dashboard/web", "Pages live in dashboard/web."),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^dist/|shared/bench/peers)" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".mjs", ".vue", ".json"] },
  },
};

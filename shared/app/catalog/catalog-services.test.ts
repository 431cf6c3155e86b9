import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SaveService, SaveTeam } from "../../contract/catalog.ts";
import { EventRow } from "../../db/rows/event.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import {
  DependencyInvalid,
  InputInvalid,
  NameInUse,
  NameTaken,
  PermissionDenied,
  ServiceNotFound,
  ServiceReadOnly,
  TeamNotFound,
} from "../../errors/catalog.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import { person } from "../releases/testing/release-bench.ts";
import type { CatalogServices } from "../services.ts";
import { createCatalogServices } from "./catalog-services.ts";
import { syncDeclaredServices, type DeclaredService } from "./sync-declared-services.ts";

const adam = person("adam");
const dana = person("dana");

let database: TestDatabase;
let catalog: CatalogServices;

beforeEach(async () => {
  database = await createTestDatabase();
  catalog = createCatalogServices(database);
});
afterEach(() => database.close());

describe(createCatalogServices.name, () => {
  it("makes, shows, changes and forgets a service, and remembers each step", async () => {
    await catalog.createTeam(adam, team({ name: "money", members: ["quinn", "dana", "dana"] }));
    await catalog.createService(adam, service({ name: "auth" }));
    const made = await catalog.createService(
      adam,
      service({ name: "billing", team: "money", dependsOn: ["auth", "auth"], path: "./apps/b/" }),
    );
    expect(made).toMatchObject({ dependsOn: ["auth"], path: "apps/b", origin: "made" });

    await catalog.updateService(adam, "billing", service({ name: "billing", owner: "dana" }));
    expect(await catalog.viewService(dana, "billing")).toMatchObject({
      owner: "dana",
      team: null,
      dependsOn: [],
    });
    await catalog.removeService(adam, "billing");

    expect((await catalog.listServices(dana, { limit: 50, offset: 0 })).items).toHaveLength(1);
    expect(await events()).toEqual([
      "team.saved",
      "service.saved",
      "service.saved",
      "service.saved",
      "service.removed",
    ]);
    expect(await catalog.viewTeam(dana, "money")).toMatchObject({ members: ["dana", "quinn"] });
  });

  it("finds services by text and team, page by page", async () => {
    await catalog.createTeam(adam, team({ name: "money" }));
    for (const name of ["auth", "billing", "billing-mail"]) {
      await catalog.createService(
        adam,
        service({ name, repository: `acme/${name}`, team: name === "auth" ? null : "money" }),
      );
    }

    const found = async (query: { text?: string; team?: string; limit?: number }) => {
      const page = await catalog.listServices(dana, { limit: 50, offset: 0, ...query });
      return [page.items.map(({ name }) => name), page.total];
    };
    expect(await found({ text: "ILL" })).toEqual([["billing", "billing-mail"], 2]);
    expect(await found({ text: "_" })).toEqual([[], 0]);
    expect(await found({ team: "money", limit: 1 })).toEqual([["billing"], 2]);
    expect((await catalog.listTeams(dana, { limit: 50, offset: 0 })).items).toMatchObject([
      { name: "money", services: ["billing", "billing-mail"] },
    ]);
  });

  it.each([
    ["a name with a slash", { name: "a/b" }, InputInvalid],
    ["a path that leaves the repository", { path: "../other" }, InputInvalid],
    ["a dependency on itself", { dependsOn: ["billing"] }, DependencyInvalid],
    ["a dependency nobody knows", { dependsOn: ["autth"] }, DependencyInvalid],
    ["a team nobody made", { team: "nobody" }, TeamNotFound],
    ["a name that is taken", { name: "auth" }, NameTaken],
  ])("refuses a service with %s", async (_what, wrong, error) => {
    await catalog.createService(adam, service({ name: "auth" }));

    await expect(
      catalog.createService(adam, service({ name: "billing", ...wrong })),
    ).rejects.toBeInstanceOf(error);

    expect(await ServiceRow.count()).toBe(1);
  });

  it("lets one of two people make a name, and tells the other", async () => {
    const attempts = await Promise.allSettled([
      catalog.createService(adam, service({ name: "auth" })),
      catalog.createService(adam, service({ name: "auth" })),
    ]);

    expect(attempts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await events()).toEqual(["service.saved"]);
  });

  it("keeps what others use", async () => {
    await catalog.createTeam(adam, team({ name: "money" }));
    await catalog.createService(adam, service({ name: "auth", team: "money" }));
    await catalog.createService(adam, service({ name: "billing", dependsOn: ["auth"] }));

    await expect(catalog.removeService(adam, "auth")).rejects.toBeInstanceOf(NameInUse);
    await expect(catalog.removeTeam(adam, "money")).rejects.toBeInstanceOf(NameInUse);
  });

  it("is for administrators, and for everybody to read", async () => {
    await expect(catalog.createService(dana, service({ name: "auth" }))).rejects.toBeInstanceOf(
      PermissionDenied,
    );
    expect(await events()).toEqual(["access.denied"]);
    await expect(catalog.viewService(dana, "auht")).rejects.toBeInstanceOf(ServiceNotFound);
  });
});

describe(syncDeclaredServices.name, () => {
  const billing: DeclaredService = {
    name: "billing",
    repository: "acme/billing",
    path: "",
    team: "money",
    owner: null,
    channel: null,
    dependsOn: [],
  };

  it("makes services read-only as config.yaml has them, with their teams", async () => {
    await syncDeclaredServices(database, [billing]);

    await expect(
      catalog.updateService(adam, "billing", service({ name: "billing" })),
    ).rejects.toBeInstanceOf(ServiceReadOnly);
    await expect(catalog.removeService(adam, "billing")).rejects.toBeInstanceOf(ServiceReadOnly);
    expect(await catalog.viewTeam(dana, "money")).toMatchObject({ services: ["billing"] });
  });

  it("changes nothing the second time", async () => {
    await syncDeclaredServices(database, [billing]);
    const before = await events();

    await syncDeclaredServices(database, [billing]);

    expect(await events()).toEqual(before);
  });

  it("takes over what was discovered, and gives back what is not declared any more", async () => {
    await ServiceRow.bulkCreate(
      ["old-name", "other"].map((name) => ({
        name,
        repository: name === "other" ? "acme/other" : "acme/billing",
        path: "",
        dependsOn: [],
        origin: "discovered" as const,
        updatedAt: database.clock.now(),
      })),
    );

    await syncDeclaredServices(database, [billing]);
    expect(await origins()).toEqual({ billing: "declared", other: "discovered" });
    await syncDeclaredServices(database, []);

    expect(await origins()).toEqual({ billing: "made", other: "discovered" });
  });

  async function origins() {
    const rows = await ServiceRow.findAll({ order: [["name", "ASC"]] });
    return Object.fromEntries(rows.map(({ name, origin }) => [name, origin]));
  }
});

function service(values: Partial<SaveService>): SaveService {
  return SaveService.parse({ name: "x", repository: "acme/x", ...values });
}

function team(values: Partial<SaveTeam>): SaveTeam {
  return SaveTeam.parse({ name: "x", ...values });
}

async function events(): Promise<readonly string[]> {
  return (await EventRow.findAll({ order: [["seq", "ASC"]] })).map(({ name }) => name);
}

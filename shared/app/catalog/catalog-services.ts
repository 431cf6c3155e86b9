import type { CatalogServices } from "../services.ts";
import {
  createService,
  listServices,
  removeService,
  updateService,
  viewService,
  type CatalogDeps,
} from "./services.ts";
import { createTeam, listTeams, removeTeam, updateTeam, viewTeam } from "./teams.ts";

/** Wires the use cases of services and teams. */
export function createCatalogServices(deps: CatalogDeps): CatalogServices {
  return {
    listServices,
    viewService,
    createService: (actor, input) => createService(deps, actor, input),
    updateService: (actor, name, input) => updateService(deps, actor, name, input),
    removeService: (actor, name) => removeService(deps, actor, name),
    listTeams,
    viewTeam,
    createTeam: (actor, input) => createTeam(deps, actor, input),
    updateTeam: (actor, name, input) => updateTeam(deps, actor, name, input),
    removeTeam: (actor, name) => removeTeam(deps, actor, name),
  };
}

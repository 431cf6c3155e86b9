import type { AppError } from "../../shared/errors/app-error.ts";
import {
  DeploymentFinished,
  ReleaseAlreadyOpen,
  ReleaseBusy,
} from "../../shared/errors/catalog.ts";
import type { ActionItem } from "../chat/card.ts";
import { button } from "../chat/card-builders.ts";
import { refreshRelease, showDeployment, showRelease } from "./action-refs.ts";

/** Buttons that lead on from an error, where there is an obvious way on. */
export function offersFor(error: AppError): readonly ActionItem[] {
  if (error instanceof ReleaseAlreadyOpen) {
    const release = error.data.number;
    return [
      button("Refresh", refreshRelease.call({ release }), "primary"),
      button("Show release", showRelease.call({ release })),
    ];
  }
  if (error instanceof ReleaseBusy) {
    return [button("Show deployment", showDeployment.call({ deployment: error.data.deployment }))];
  }
  if (error instanceof DeploymentFinished) {
    return [button("Show deployment", showDeployment.call({ deployment: error.data.number }))];
  }
  return [];
}

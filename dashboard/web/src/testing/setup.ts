import { cleanup } from "@testing-library/vue";
import { afterEach, vi } from "vitest";

afterEach(cleanup);
afterEach(() => vi.unstubAllGlobals());

import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const server = "http://localhost:8080";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [vue()],
  build: {
    outDir: fileURLToPath(new URL("../../dist/web", import.meta.url)),
    emptyOutDir: true,
    sourcemap: true,
    // Tells the benchmark which files a page loads.
    manifest: true,
  },
  server: {
    port: 5173,
    proxy: {
      "/api": server,
      "/auth": server,
      "/idp": server,
      "/room/socket": { target: server, ws: true },
    },
  },
});

import { createRouter, createWebHistory } from "vue-router";
import { useSessionStore } from "./stores/session.ts";

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (to, from, saved) => {
    if (saved) {
      return saved;
    }
    if (to.hash !== "") {
      return { el: to.hash };
    }
    return to.path === from.path ? undefined : { top: 0 };
  },
  routes: [
    { path: "/", redirect: "/releases" },
    {
      path: "/sign-in",
      name: "sign-in",
      component: () => import("./views/SignInView.vue"),
      meta: { title: "Sign in", public: true },
    },
    {
      path: "/releases",
      name: "releases",
      component: () => import("./views/ReleaseListView.vue"),
      meta: { title: "Releases" },
    },
    {
      path: "/releases/:number(\\d+)",
      name: "release",
      component: () => import("./views/ReleaseView.vue"),
      props: (route) => ({ number: Number(route.params["number"]) }),
      meta: { title: "Release" },
    },
    {
      path: "/deployments",
      name: "deployments",
      component: () => import("./views/DeploymentListView.vue"),
      meta: { title: "Deployments" },
    },
    {
      path: "/deployments/:number(\\d+)",
      name: "deployment",
      component: () => import("./views/DeploymentView.vue"),
      props: (route) => ({ number: Number(route.params["number"]) }),
      meta: { title: "Deployment" },
    },
    {
      path: "/room",
      name: "room",
      component: () => import("./views/RoomView.vue"),
      meta: { title: "Room" },
    },
    {
      path: "/link/:token([0-9A-Za-z]+)",
      name: "link",
      component: () => import("./views/LinkView.vue"),
      props: true,
      meta: { title: "Link a chat account" },
    },
    {
      path: "/settings",
      name: "settings",
      component: () => import("./views/SettingsView.vue"),
      meta: { title: "Settings" },
    },
    {
      path: "/:rest(.*)*",
      name: "nowhere",
      component: () => import("./views/NowhereView.vue"),
      meta: { title: "Not found", public: true },
    },
  ],
});

router.beforeEach(async (to) => {
  const session = useSessionStore();
  if (session.status === "idle") {
    await session.load();
  }
  if (to.meta["public"] !== true && session.status === "ready" && !session.isSignedIn) {
    return { name: "sign-in", query: { next: to.fullPath } };
  }
  if (to.name === "sign-in" && session.isSignedIn) {
    return { path: "/releases" };
  }
  return true;
});

router.afterEach((to) => {
  const title = String(to.meta["title"]);
  const number = to.params["number"];
  document.title = `${title}${typeof number === "string" ? ` #${number}` : ""} · Slipway`;
});

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { STOPS } from "./mesh/colour";
import { SITE, asset } from "./place";
import "./style.css";

document.documentElement.style.setProperty("--ramp", STOPS);

// the static site keeps itself, and all that checks take, for times without a network
if (SITE && "serviceWorker" in navigator) void navigator.serviceWorker.register(asset("sw.js")).catch(() => undefined);

createRoot(document.getElementById("page")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

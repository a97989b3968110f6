import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { STOPS } from "./mesh/colour";
import "./style.css";

document.documentElement.style.setProperty("--ramp", STOPS);

createRoot(document.getElementById("page")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

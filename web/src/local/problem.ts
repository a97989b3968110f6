// What is said of a file that cannot be checked: the service's codes and hints (src/fakeweb/errors.py).
export interface Problem { code: string; status: number; detail: string; hint: string }

export class LocalProblem extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

const elsewhere = "the FakeWeb service and program read it; or save it as JPEG or PNG";

export const unreadable = (detail: string, hint = "copy or download it again; if it opens elsewhere, save it anew there") =>
  new LocalProblem({ code: "media.unreadable", status: 422, detail, hint });
export const unsupported = (detail: string, hint = elsewhere) => new LocalProblem({ code: "media.unsupported", status: 415, detail, hint });
export const tooLarge = (detail: string, hint = "scale the picture down") => new LocalProblem({ code: "media.too_large", status: 413, detail, hint });
/** This browser cannot do it at all. */
export const unable = (detail: string, hint = "use a current browser, or a FakeWeb service") =>
  new LocalProblem({ code: "local.unable", status: 0, detail, hint });

export const asProblem = (error: unknown): Problem =>
  error instanceof LocalProblem ? error.problem : { code: "local.broken", status: 0, detail: error instanceof Error ? error.message : String(error), hint: "load the page again" };

// Submits the forms of the portal's pages about access by keyboard alone, and checks the answers: good questions, and ones that cannot be understood.
//
// Everything works without scripts, so the forms are submitted in a browser that runs none.

const MASTERS = "Group:system:masters";
// More tabs than any page about access has fields and links before its form.
const MOST_TABS = 400;

/** A form on a page, as a person with a keyboard meets it. */
class Keyboard {
  constructor(page) {
    this.page = page;
  }

  /** Goes on with the tabulator until the field has the focus. */
  async reach(id) {
    for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
      await this.page.keyboard.press("Tab");
      if ((await this.page.evaluate(() => document.activeElement?.id)) === id) return;
    }
    throw new Error(`the field ${id} is not reached by the tabulator`);
  }

  /** Fills the fields in their order and sends the form from the last of them. Gives the answer's status. */
  async send(fields) {
    for (const [id, text] of fields) {
      await this.reach(id);
      await this.page.keyboard.press("Control+A");
      await this.page.keyboard.press("Delete");
      await this.page.keyboard.type(text);
    }
    const [response] = await Promise.all([this.page.waitForNavigation({ waitUntil: "load" }), this.page.keyboard.press("Enter")]);
    return response.status();
  }
}

/** What the person sees of the answer. */
const seen = (page) =>
  page.evaluate(() => ({
    search: Object.fromEntries([...new URL(location.href).searchParams].filter(([, value]) => value !== "")),
    heading: document.querySelector("h1")?.textContent ?? "",
    text: document.querySelector("main").innerText,
    alerts: [...document.querySelectorAll("main [role=alert], main [role=status]")].map((element) => element.textContent.trim()),
    sections: [...document.querySelectorAll("main h2")].map((element) => element.textContent.trim()),
    // Of each field that is marked as wrong: what stands in it, and what describes it.
    wrong: [...document.querySelectorAll("main [aria-invalid=true]")].map((field) => ({
      id: field.id,
      value: field.value,
      says: document.getElementById(field.getAttribute("aria-describedby"))?.textContent ?? "",
    })),
    cut: [...document.querySelectorAll("td.word")].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent.trim()),
  }));

/** The questions: the page, the fields, and what the answer must be. `earlier` and `later` lie within the portal's window. */
function questions(earlier, later) {
  const understood = (answer) => answer.status === 200 && answer.wrong.length === 0;
  const refused = (answer, id, value, says) =>
    answer.status === 400 &&
    answer.alerts.some((text) => text.includes("was not understood")) &&
    answer.wrong.some((field) => field.id === id && field.value === value && says.test(field.says)) &&
    !answer.text.includes(MASTERS);
  return [
    {
      what: "who can read Secrets",
      path: "/access/who-can",
      fields: [["who-can-verb", "get"], ["who-can-resource", "secrets"]],
      good: (a) => understood(a) && a.search.verb === "get" && a.search.resource === "secrets" && a.sections.some((h) => /^Who can get secrets/.test(h)) && a.text.includes(MASTERS),
    },
    {
      what: "who can make a request of one namespace, a moment ago",
      path: "/access/who-can",
      fields: [["who-can-verb", "create"], ["who-can-resource", "deployments/scale"], ["who-can-namespace", "default"], ["who-can-at", later]],
      good: (a) => understood(a) && a.sections.some((h) => /create deployments\.apps\/scale in namespace default/.test(h)) && a.text.includes(MASTERS),
    },
    {
      what: "a verb that Kubernetes does not know",
      path: "/access/who-can",
      fields: [["who-can-verb", "gett"], ["who-can-resource", "secrets"]],
      good: (a) => understood(a) && a.alerts.some((text) => text.includes("asks about no verb gett")),
    },
    {
      what: "a request without a resource",
      path: "/access/who-can",
      fields: [["who-can-verb", "get"]],
      good: (a) => refused(a, "who-can-resource", "", /Say which resource/),
    },
    {
      what: "a path with a namespace",
      path: "/access/who-can",
      fields: [["who-can-verb", "get"], ["who-can-resource", "/metrics"], ["who-can-namespace", "default"]],
      good: (a) => refused(a, "who-can-resource", "/metrics", /A path has no namespace/),
    },
    {
      what: "a moment that is none",
      path: "/access/who-can",
      fields: [["who-can-verb", "get"], ["who-can-resource", "secrets"], ["who-can-at", "2026-13-45"]],
      good: (a) => refused(a, "who-can-at", "2026-13-45", /time/i),
    },
    {
      what: "what a subject holds, by a part of its name",
      path: "/access/subjects",
      fields: [["subjects-search", "generic-garbage"]],
      good: (a) => understood(a) && a.search.search === "generic-garbage" && a.text.includes("ServiceAccount:kube-system/generic-garbage-collector"),
    },
    {
      what: "what one subject can do",
      path: "/access/subject?subject=Group%3Asystem%3Amasters",
      fields: [["subject-subject", "ServiceAccount:kube-system/generic-garbage-collector"]],
      good: (a) => understood(a) && a.heading === "ServiceAccount:kube-system/generic-garbage-collector" && a.text.includes("system:controller:generic-garbage-collector"),
    },
    {
      what: "a subject that is none",
      path: "/access/subject?subject=Group%3Asystem%3Amasters",
      fields: [["subject-subject", "alice"]],
      good: (a) => refused(a, "subject-subject", "alice", /Write User:name/),
    },
    {
      what: "what changed between two moments",
      path: "/access/diff",
      fields: [["difference-from", earlier], ["difference-to", later]],
      good: (a) => understood(a) && a.search.from === earlier && a.sections.includes("Rules that subjects hold") && a.sections.includes("Risks"),
    },
    {
      what: "two moments in the wrong order",
      path: "/access/diff",
      fields: [["difference-from", later], ["difference-to", earlier]],
      good: (a) => a.status === 400 && a.wrong.some((field) => field.id === "difference-to" && /not after the earlier/.test(field.says)),
    },
    {
      what: "a date that is none",
      path: "/access/diff",
      fields: [["difference-from", "last week"]],
      good: (a) => refused(a, "difference-from", "last week", /time/i),
    },
    {
      what: "another moment of the overview",
      path: "/access",
      fields: [["moment-at", later]],
      good: (a) => understood(a) && a.search.at === later,
    },
    {
      what: "credentials of a user",
      path: "/access/people",
      fields: [["people-search", "*"]],
      good: (a) => understood(a) && a.search.search === "*",
    },
  ];
}

/** Submits every form; gives what was wrong. `state` is a session that is signed in. */
export async function forms(browser, start, state, finding) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false, storageState: state });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(new URL("/access", start).href, { waitUntil: "load" });
  const head = await page.evaluate(() => document.querySelector(".asof").innerText);
  const [from, to] = [...head.matchAll(/(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)/g)].map(([, day, time]) => Date.parse(`${day}T${time}Z`));
  if (!(from < to)) throw new Error(`the window does not stand at the head of the page: ${head}`);
  // The window goes on while the questions are asked, and its beginning may, too.
  const asked = questions(new Date((from + to) / 2).toISOString(), new Date(to).toISOString());
  for (const { what, path, fields, good } of asked) {
    try {
      await page.goto(new URL(path, start).href, { waitUntil: "load" });
      const status = await new Keyboard(page).send(fields);
      const answer = { status, ...(await seen(page)) };
      if (!good(answer)) finding(`${path}: ${what}: the answer is ${JSON.stringify({ ...answer, text: answer.text.slice(0, 400) })}`);
      if (answer.cut.length > 0) finding(`${path}: ${what}: words do not fit into their cells: ${answer.cut.slice(0, 3).join(", ")}`);
    } catch (error) {
      finding(`${path}: ${what}: ${error.message.split("\n")[0]}`);
    }
  }
  await context.close();
  return asked.length;
}

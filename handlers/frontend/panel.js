const element = (id) => document.getElementById(id);
const withProvider = document.body.dataset.login === "provider";

function show(text, signedIn) {
  element("caller").textContent = text;
  element("logout").hidden = !signedIn;
  element("login").hidden = signedIn || !withProvider;
  element("key-login").hidden = signedIn || withProvider;
}

async function problem(response) {
  const { error } = await response.json();
  return [error.message, error.details].filter(Boolean).join(". ");
}

async function showCaller() {
  const response = await fetch("api/auth/me");
  if (response.ok) {
    const caller = await response.json();
    const customer = caller.customer_id ? ` of ${caller.customer_id}` : "";
    show(`Signed in as ${caller.name} (${caller.role}${customer}).`, true);
  } else {
    show(response.status === 401 ? "You are not signed in." : await problem(response), false);
  }
}

async function send(path, headers) {
  const response = await fetch(path, { method: "POST", headers });
  if (response.ok) return showCaller();
  element("caller").textContent = await problem(response);
}

element("logout").querySelector("button").addEventListener("click", () => send("api/auth/logout", {}));
element("key-login").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = element("key").value;
  element("key").value = "";
  send("api/auth/sessions", { Authorization: `Bearer ${key}` });
});
showCaller();

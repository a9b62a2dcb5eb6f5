"""Notebooks as people write them: a cleaning one, a model selection, a training loop. Each has its slip, to be undone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notebook:
    """Cells, in order; ``back`` of them are undone (the last of those is the slip)."""

    name: str
    cells: tuple[str, ...]
    back: int


def _cells(text: str) -> tuple[str, ...]:
    return tuple(part.strip("\n") for part in text.split("\n# %%\n") if part.strip())


CLEANING = Notebook(
    "cleaning (pandas)",
    _cells("""
import numpy as np, pandas as pd
rng = np.random.default_rng()
# %%
n = 100_000
raw = pd.DataFrame({
    "ID": np.arange(n),
    "Day": pd.date_range("2024-01-01", periods=n, freq="min"),
    "Region ": rng.choice(["north", "South", "east ", "west", None], n),
    "Amount": np.where(rng.random(n) < 0.05, np.nan, rng.gamma(2.0, 50.0, n)),
    "Note": [f"order {i % 997}" for i in range(n)],
})
raw.head()
# %%
steps = []
df = raw.copy()
df.columns = [c.strip().lower() for c in df.columns]
steps.append(("columns", list(df.columns)))
# %%
df.describe()
# %%
def tidy(text):
    steps_seen = len(steps)
    return text.strip().lower() if isinstance(text, str) else default_region
default_region = "unknown"
# %%
df["region"] = df["region"].map(tidy)
steps.append(("region", df["region"].nunique()))
# %%
df["region"].value_counts()
# %%
fill = df.groupby("region")["amount"].median()
df["amount"] = df["amount"].fillna(df["region"].map(fill))
steps.append(("amount", int(df["amount"].isna().sum())))
# %%
regions = pd.DataFrame({"region": ["north", "south", "east", "west", "unknown"], "manager": list("ABCDE")})
df = df.merge(regions, on="region", how="left")
# %%
df["month"] = df["day"].dt.month
df["large"] = df["amount"] > df["amount"].quantile(0.95)
# %%
by_region = {name: part for name, part in df.groupby("region")}
largest = by_region["north"]
# %%
summary = df.pivot_table(index="month", columns="region", values="amount", aggfunc="sum")
summary
# %%
report = {"summary": summary, "steps": steps, "rows": len(df)}
# %%
clean = df
clean["amount_eur"] = clean["amount"] * 0.92
# %%
values = df["amount"].to_numpy().copy()
window = values[1000:2000]
window -= window.mean()
# %%
top = df.nlargest(100, "amount")[["id", "amount", "region"]]
top.head(3)
# %%
del df["amount"], df["amount_eur"]
steps.append(("slip", "dropped the wrong columns"))
# %%
steps[-1], len(clean.columns)
"""),
    back=2,
)

SELECTION = Notebook(
    "model selection (NumPy, classes of its own)",
    _cells("""
import random
import numpy as np
rng = np.random.default_rng()
random.seed(4)
# %%
X = rng.normal(size=(60_000, 60))
w_true = rng.normal(size=60) * (rng.random(60) < 0.4)
y = X @ w_true + rng.normal(size=len(X))
# %%
cut = int(0.8 * len(X))
X_train, X_test = X[:cut], X[cut:]
y_train, y_test = y[:cut], y[cut:]
# %%
class Scaler:
    def fit(self, X):
        self.mean, self.std = X.mean(0), X.std(0)
        return self
    def transform(self, X):
        return (X - self.mean) / self.std
# %%
class Ridge:
    def __init__(self, alpha=1.0):
        self.alpha = alpha
    def fit(self, X, y):
        self.coef = np.linalg.solve(X.T @ X + self.alpha * np.eye(X.shape[1]), X.T @ y)
        return self
    def predict(self, X):
        return X @ self.coef
# %%
class Pipeline:
    def __init__(self, *steps):
        self.steps = list(steps)
    def fit(self, X, y):
        for step in self.steps[:-1]:
            X = step.fit(X).transform(X)
        self.steps[-1].fit(X, y)
        return self
    def predict(self, X):
        for step in self.steps[:-1]:
            X = step.transform(X)
        return self.steps[-1].predict(X)
# %%
def score(model, X, y):
    calls["score"] = calls.get("score", 0) + 1
    return 1 - ((y - model.predict(X)) ** 2).sum() / ((y - y.mean()) ** 2).sum()
calls = {}
# %%
scaler = Scaler()
models = {alpha: Pipeline(scaler, Ridge(alpha)) for alpha in (0.1, 1.0, 10.0)}
# %%
scores = {alpha: score(model.fit(X_train, y_train), X_test, y_test) for alpha, model in models.items()}
scores
# %%
best_alpha = max(scores, key=scores.get)
best = models[best_alpha]
# %%
def folds(k):
    order = list(range(len(X_train)))
    random.shuffle(order)
    return [np.array(order[i::k]) for i in range(k)]
parts = folds(5)
# %%
cv = {alpha: [] for alpha in models}
for alpha in models:
    for held in parts[:2]:
        mask = np.ones(len(X_train), bool)
        mask[held] = False
        model = Pipeline(Scaler(), Ridge(alpha)).fit(X_train[mask], y_train[mask])
        cv[alpha].append(score(model, X_train[held], y_train[held]))
# %%
residuals = y_test - best.predict(X_test)
worst = np.argsort(-np.abs(residuals))[:50]
# %%
predict_one = lambda row: float(best.predict(row[None, :])[0])
predict_one(X_test[0])
# %%
total = 0
def count(k=1):
    global total
    total += k
    return total
count(); count(5)
# %%
len(parts), scores[best_alpha]
# %%
X_train[:] = scaler.transform(X_train)
X_test[:] = 0
# %%
total, float(X.mean())
"""),
    back=2,
)

TRAINING = Notebook(
    "training loop (NumPy)",
    _cells("""
import time
import numpy as np
rng = np.random.default_rng()
# %%
images = rng.random((20_000, 784), dtype=np.float32)
labels = rng.integers(0, 10, 20_000)
# %%
class Net:
    def __init__(self, sizes):
        self.params = {}
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            self.params[f"W{i}"] = (rng.normal(size=(a, b)) / a**0.5).astype(np.float32)
            self.params[f"b{i}"] = np.zeros(b, np.float32)
        self.depth = len(sizes) - 1
    def forward(self, x):
        self.kept = [x]
        for i in range(self.depth):
            x = x @ self.params[f"W{i}"] + self.params[f"b{i}"]
            if i < self.depth - 1:
                x = np.maximum(x, 0)
            self.kept.append(x)
        return x
# %%
class Momentum:
    def __init__(self, params, rate=0.05):
        self.params, self.rate = params, rate
        self.speed = {k: np.zeros_like(v) for k, v in params.items()}
    def step(self, grads):
        for k, g in grads.items():
            self.speed[k] *= 0.9
            self.speed[k] -= self.rate * g
            self.params[k] += self.speed[k]
# %%
net = Net([784, 256, 10])
opt = Momentum(net.params)
history = {"loss": [], "seconds": []}
# %%
def loss_and_grads(net, x, t):
    z = net.forward(x)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[np.arange(len(t)), t] + 1e-9).mean()
    p[np.arange(len(t)), t] -= 1
    d, grads = p / len(t), {}
    for i in reversed(range(net.depth)):
        a = net.kept[i]
        grads[f"W{i}"], grads[f"b{i}"] = a.T @ d, d.sum(0)
        if i:
            d = (d @ net.params[f"W{i}"].T) * (a > 0)
    return float(loss), grads
# %%
seen = 0
def epoch():
    global seen
    began = time.time()
    order = rng.permutation(len(images))
    losses = []
    for at in range(0, len(order), 250):
        batch = order[at:at + 250]
        loss, grads = loss_and_grads(net, images[batch], labels[batch])
        opt.step(grads)
        losses.append(loss)
        seen += len(batch)
    history["loss"].append(sum(losses) / len(losses))
    history["seconds"].append(time.time() - began)
    return history["loss"][-1]
# %%
epoch()
# %%
epoch()
# %%
best = {k: v.copy() for k, v in net.params.items()}
# %%
epoch()
# %%
history["loss"]
# %%
first_filters = net.params["W0"][:, :16]
first_filters.std()
# %%
epoch()
# %%
snapshots = [best]
snapshots.append({k: v.copy() for k, v in net.params.items()})
# %%
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (labels, net.forward(images).argmax(1)), 1)
confusion.trace()
# %%
epoch()
# %%
opt.rate = 50.0
epoch()
# %%
history["loss"][-1], seen
"""),
    back=2,
)

NOTEBOOKS = (CLEANING, SELECTION, TRAINING)

"""Optimisers: timm's LARS by hand, the others by name, the rate's one cycle."""

import copy

import pytest

from fakeweb.errors import BadRecipe
from fakeweb.train.recipe import OptimRecipe

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
optimizers = pytest.importorskip("fakeweb.train.optimizers")
Schedule = pytest.importorskip("fakeweb.train.task").Schedule


def lars(weight, **keys):
    """The recipe's LARS for one weight."""
    net = torch.nn.ParameterList([weight])
    return optimizers.make_optimizer(net, OptimRecipe(optimizer="lars", **keys))


def test_two_steps_of_lars_by_hand():
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))  # |w| = 5
    optimizer = lars(weight, lr=2.0, momentum=0.5, weight_decay=0.1, trust=0.01)
    weight.grad = torch.tensor([[0.0, 2.0]])  # |g| = 2
    optimizer.step()
    # rate = 0.01 * 5 / (2 + 0.1 * 5) = 0.02; v = 0.02 * (g + 0.1 w) = 0.02 * (0.3, 2.4); w -= 2 v
    assert weight.tolist()[0] == pytest.approx([3 - 0.012, 4 - 0.096], abs=1e-6)
    weight.grad = torch.tensor([[1.0, 0.0]])
    size = (2.988**2 + 3.904**2) ** 0.5
    rate = 0.01 * size / (1 + 0.1 * size)
    first = 0.5 * 0.012 + 2 * rate * (1 + 0.2988)
    second = 0.5 * 0.096 + 2 * rate * 0.3904
    optimizer.step()
    assert weight.tolist()[0] == pytest.approx([2.988 - first, 3.904 - second], abs=1e-5)


def test_lars_scales_without_decay_too():
    weight = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    optimizer = lars(weight, lr=2.0, momentum=0.0, weight_decay=0.0, trust=0.01)
    weight.grad = torch.tensor([[0.0, 2.0]])
    optimizer.step()  # rate = 0.01 * 5 / 2
    assert weight.tolist()[0] == pytest.approx([3, 4 - 2 * 0.025 * 2], abs=1e-6)


def test_lars_neither_scales_nor_decays_biases():
    bias = torch.nn.Parameter(torch.tensor([10.0, 0.0]))
    optimizer = lars(bias, lr=0.5, momentum=0.0, weight_decay=0.1)
    bias.grad = torch.tensor([1.0, 2.0])
    optimizer.step()
    assert bias.tolist() == pytest.approx([9.5, -1.0])


def test_lars_moves_weights_of_zero():
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimizer = lars(weight, lr=0.1)
    weight.grad = torch.ones(2, 2)
    optimizer.step()
    assert torch.equal(weight.detach(), torch.full((2, 2), -0.1))


def test_lars_goes_on_from_its_state():
    def steps(optimizer, weight, count):
        for i in range(count):
            weight.grad = torch.full((2, 2), float(i + 1))
            optimizer.step()

    whole = torch.nn.Parameter(torch.ones(2, 2))
    steps(one := lars(whole, lr=0.1), whole, 1)
    twin = torch.nn.Parameter(whole.detach().clone())
    other = lars(twin, lr=0.1)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    steps(one, whole, 2)
    steps(other, twin, 2)
    assert torch.equal(whole, twin)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD"), ("lars", "Lars"), ("rmsprop", "RMSprop"),
        ("lamb", "Lamb"), ("nadam", "NAdam"),
    ],
)  # fmt: skip
def test_each_by_name_makes_a_loss_smaller(name, kind):
    torch.manual_seed(0)
    net = torch.nn.Linear(4, 1)
    optimizer = optimizers.make_optimizer(net, OptimRecipe(optimizer=name, lr=0.05, trust=0.1))
    assert type(optimizer).__name__ == kind
    x = torch.randn(64, 4)
    losses = []
    for _ in range(60):
        loss = (net(x)[:, 0] - x.sum(1)).square().mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


def test_the_rate_rises_linearly_and_falls_to_zero():
    rates = [optimizers.one_cycle(i / 100, 0.2) for i in range(101)]
    assert rates[10] == pytest.approx(0.5)
    assert max(rates) == rates[20] == 1
    assert rates[60] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)


def test_a_name_that_nobody_knows_is_told_with_those_near_it():
    with pytest.raises(BadRecipe, match="neither torch nor timm has 'rmsprob'") as caught:
        optimizers.make_optimizer(torch.nn.Linear(2, 1), OptimRecipe(optimizer="rmsprob"))
    assert "rmsprop" in caught.value.hint


def rates(**keys):
    plan = Schedule(steps=10, epochs=10, batch=2, lr=1.0, clip=1.0, **{"warmup": 0.0, **keys})
    return [optimizers.rate_at(step, plan, keys.get("fallen", 0)) for step in range(100)]


def test_schedules_by_name():
    assert rates() == [optimizers.one_cycle(i / 100, 0.0) for i in range(100)]
    assert rates(schedule="constant", warmup=0.1)[5] == pytest.approx(0.5)
    assert rates(schedule="constant", warmup=0.1)[10:] == [1.0] * 90
    stairs = rates(schedule="step", gamma=0.5, every=4)
    assert (stairs[39], stairs[40], stairs[79], stairs[80]) == (1, 0.5, 0.5, 0.25)


def test_a_plateau_is_so_many_epochs_without_a_better_score():
    assert optimizers.drops([], 2) == 0
    assert optimizers.drops([0.5, 0.6, 0.6, 0.7], 2) == 0
    assert optimizers.drops([0.5, 0.5, 0.4], 2) == 1
    assert optimizers.drops([0.5, 0.5, 0.4, 0.5, 0.5, 0.6], 2) == 2
    plan = Schedule(steps=1, epochs=9, batch=2, lr=1.0, clip=1.0, warmup=0.0, schedule="plateau", gamma=0.1)
    assert optimizers.rate_at(5, plan, 2) == pytest.approx(0.01)


def test_layers_before_the_last_learn_more_slowly():
    timm = pytest.importorskip("timm", reason="needs the extra 'train'", exc_type=ImportError)
    net = torch.nn.Sequential(timm.create_model("resnet18", num_classes=2))
    optimizer = optimizers.make_optimizer(net, OptimRecipe(optimizer="adamw", layer_decay=0.5))
    scale = {id(w): group["lr_scale"] for group in optimizer.param_groups for w in group["params"]}
    names = dict(net.named_parameters())
    assert len(scale) == len(names)
    assert scale[id(names["0.fc.weight"])] == 1
    order = [
        scale[id(names[n])] for n in ("0.conv1.weight", "0.layer1.0.conv1.weight", "0.layer4.1.conv1.weight")
    ]
    assert order == sorted(order)
    assert order[0] < order[2] < 1
    with pytest.raises(BadRecipe, match="which layer comes first"):
        optimizers.make_optimizer(torch.nn.Linear(2, 1), OptimRecipe(layer_decay=0.5))

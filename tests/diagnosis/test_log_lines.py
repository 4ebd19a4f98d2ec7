"""Console logs of public programs, and what the names of their columns mean."""

from __future__ import annotations

import math
import re

import pytest

from poise.diagnosis.logs import guessed, readings_of
from poise.diagnosis.logs.files import read_text
from poise.diagnosis.logs.lines import FORMATS, read_lines
from poise.diagnosis.logs.names import meaning, step_columns

# A line as each program prints it, and what it holds
LINES: list[tuple[str, str, dict[str, float]]] = [
    (
        "pix2pix, CycleGAN",
        "(epoch: 2, iters: 300, time: 0.110, data: 0.009) G_GAN: 1.709 G_L1: 42.086 D_real: 0.430 D_fake: "
        "nan ",
        {"epoch": 2, "iteration": 300, "G_GAN": 1.709, "G_L1": 42.086, "D_real": 0.43, "D_fake": math.nan},
    ),
    (
        "pix2pix, CycleGAN",
        "(epoch: 60, iters: 800, time: 0.358) D: 0.035, 0.036 | G: 0.169, 0.167 | Cyc: 0.012, 0.011 | ",
        {"epoch": 60, "iteration": 800, "D_0": 0.035, "D_1": 0.036, "G_0": 0.169, "G_1": 0.167,
         "Cyc_0": 0.012, "Cyc_1": 0.011},
    ),
    (
        "DCGAN, WassersteinGAN",
        "[2/25][7/782]\tLoss_D: 0.0449\tLoss_G: 19.0586\tD(x): 0.9719\tD(G(z)): 0.4000 / 0.0000",
        {"step": 1571, "epoch": 2, "Loss_D": 0.0449, "Loss_G": 19.0586, "D(x)": 0.9719, "D(G(z))": 0.4},
    ),
    (
        "DCGAN, WassersteinGAN",
        "[24/25][47380/47392][227859] Loss_D: -0.178149 Loss_G: 0.003281 Loss_D_real: 0.020692 "
        "Loss_D_fake 0.198841",
        {"step": 1184788, "epoch": 24, "Loss_D": -0.178149, "Loss_G": 0.003281, "Loss_D_real": 0.020692,
         "Loss_D_fake": 0.198841},
    ),
    ("PyTorch-GAN", "[Epoch 3/200] [Batch 10/938] [D loss: 0.6] [G loss: 1.2]",
     {"step": 2824, "epoch": 3, "D loss": 0.6, "G loss": 1.2}),
    ("Keras-GAN", "4000 [D loss: 0.000276, acc.: 100.00%] [G loss: 0.015317]",
     {"iteration": 4000, "D loss": 0.000276, "acc": 100, "G loss": 0.015317}),
    ("DCGAN-tensorflow", "Epoch: [14] [   3/   4] time: 238.1187, d_loss: 6.54414463, g_loss: 0.24060325",
     {"step": 59, "epoch": 14, "time": 238.1187, "d_loss": 6.54414463, "g_loss": 0.24060325}),
    ("pro_gan_pytorch, BMSG-GAN", "Elapsed [8:37:01] batch: 37350  d_loss: 0.000000  g_loss: 20.779835",
     {"iteration": 37350, "d_loss": 0, "g_loss": 20.779835}),
    (
        "lightweight-gan, stylegan2-pytorch, gigagan-pytorch",
        "LWG</content/Training/>:   0% 193/1000000 [04:42<399:40:24,  1.44s/it]G: -0.15 | D: nan | GP: "
        "1.17 | SS: 0.27",
        {"iteration": 193, "G": -0.15, "D": math.nan, "GP": 1.17, "SS": 0.27},
    ),
    (
        "lightweight-gan, stylegan2-pytorch, gigagan-pytorch",
        "  0%|▍     | 1600/1000000 [8:29:54<5191:50:29, 18.72s/it]G: 2.36 | MSG: -0.09 | VG: 0.00 | D: 0.23",
        {"iteration": 1600, "G": 2.36, "MSG": -0.09, "VG": 0, "D": 0.23},
    ),
    (
        "StyleGAN2-ada, StyleGAN3",
        "tick 1401  kimg 5738.6   time 1d 06h 06m   sec/tick 71.0    sec/kimg 17.34   maintenance 274.4  "
        "gpumem 8.9   "
        "augment 6.521",
        {"tick": 1401, "kimg": 5738.6, "augment": 6.521},
    ),
    ("StyleGAN2-ada, StyleGAN3", "network-snapshot-005734        time 4m 26s       fid50k_full 46.5633",
     {"kimg": 5734, "fid50k_full": 46.5633}),
    (
        "StudioGAN",
        "[INFO] 2021-02-21 01:23:05 > Step:    6500 Progress: 3.2% Elapsed: 2 days, 4:07:35 temperature: "
        "1.0 ada_p: No "
        "Discriminator_loss: 5.43333 Generator_loss: 6.443 ",
        {"step": 6500, "temperature": 1, "Discriminator_loss": 5.43333, "Generator_loss": 6.443},
    ),
    ("StudioGAN", "[INFO] 2021-02-23 17:09:58 > FID score (Step: 100000, Using valid moments): 106.83836",
     {"step": 100000, "FID": 106.83836}),
    ("CTGAN", "Epoch 10, Loss G:  0.9288,Loss D: -1.2409",
     {"epoch": 10, "Loss G": 0.9288, "Loss D": -1.2409}),
    ("CTGAN", "Gen. (-1.23) | Discrim. (0.45):  12%|█▏        | 36/300 [00:10<01:20,  3.30it/s]",
     {"epoch": 36, "generator loss": -1.23, "discriminator loss": 0.45}),
    (
        "mmgeneration",
        "2021-04-15 12:00:00,000 - mmgen - INFO - Iter [100/1000000]\tlr_generator: 2.000e-03, "
        "loss_disc_fake: 0.5, "
        "loss_disc_real: 0.7, loss_disc_fake_g: 1.2, loss: 1.2",
        {"iteration": 100, "lr_generator": 0.002, "loss_disc_fake": 0.5, "loss_disc_real": 0.7,
         "loss_disc_fake_g": 1.2, "loss": 1.2},
    ),
    (
        "BasicSR",
        "21-05-24 01:20:12.842 - INFO: <epoch: 13, iter:   1,200, lr:1.000e-04> l_g_gan: 7.3e-02 "
        "l_d_real: 8.8e-02 "
        "l_d_fake: 1.5e-04 D_real: -2.4e+01 D_fake: -3.9e+01 ",
        {"epoch": 13, "iteration": 1200, "l_g_gan": 0.073, "l_d_real": 0.088, "l_d_fake": 1.5e-4,
         "D_real": -24, "D_fake": -39},
    ),
    (
        "pix2pix-tensorflow",
        "progress  epoch 50  step 602  image/sec 35.7  remaining 0m\ndiscrim_loss nan\ngen_loss_GAN "
        "1.2e-36\n",
        {"epoch": 50, "iteration": 602, "discrim_loss": math.nan, "gen_loss_GAN": 1.2e-36},
    ),
    ("Keras", "Epoch 3/20\n118/118 [=================] - 12s 100ms/step - d_loss: 0.54 - g_loss: 1.23\n",
     {"step": 472, "epoch": 3, "d_loss": 0.54, "g_loss": 1.23}),
    ("Keras", "Epoch 3/20\n\x1b[1m118/118\x1b[0m \x1b[32m━━━\x1b[0m 12s - d_loss: 0.54 - g_loss: 1.23",
     {"step": 472, "epoch": 3, "d_loss": 0.54, "g_loss": 1.23}),
    ("the tutorials of Machine Learning Mastery", ">2, 1/45, c1=0.010, c2=0.002, g=5.123",
     {"step": 91, "epoch": 2, "c1": 0.01, "c2": 0.002, "g": 5.123}),
    ("tqdm", "Epoch 1:  45%|████▌     | 45/100 [00:12<00:15,  3.60it/s, d_loss=0.543, g_loss=1.23]",
     {"epoch": 1, "iteration": 45, "d_loss": 0.543, "g_loss": 1.23}),
    ("tqdm", "  0%|          | 1/3000 [00:16<13:40:35, 16.42s/it]dloss: 0.000124\tg_loss: 16.118",
     {"iteration": 1, "dloss": 0.000124, "g_loss": 16.118}),
    ("", "INFO:root:Epoch 0, Step 2000, loss: 0.0698, disc_loss: 0.003855",
     {"epoch": 0, "step": 2000, "loss": 0.0698, "disc_loss": 0.003855}),
    ("", "Epoch [3/200], Step [200/600], d_loss: 0.0409, g_loss: 4.0026, D(x): 0.99",
     {"epoch": 3, "step": 2000, "d_loss": 0.0409, "g_loss": 4.0026, "D(x)": 0.99}),
    ("", "loss_D: tensor(0.0802, device='cuda:0', grad_fn=<SubBackward0>) loss_G: inf",
     {"loss_D": 0.0802, "loss_G": math.inf}),
    ("", "fid:11.224642230178915epoch194", {"epoch": 194, "fid": 11.224642230178915}),
    ("", "{'loss_D': 0.5, 'loss_G': -1.25e-3, 'epoch': 2.0}",
     {"epoch": 2, "loss_D": 0.5, "loss_G": -0.00125}),
    ("", "[10] epoch 0, 10/186, g_loss nan d_fake_loss 0.25",
     {"epoch": 0, "g_loss": math.nan, "d_fake_loss": 0.25}),
]  # fmt: skip


@pytest.mark.parametrize(("program", "text", "wanted"), LINES)
def test_a_line_of_a_program(program: str, text: str, wanted: dict[str, float]) -> None:
    rows, name = read_lines(f"some words before it\n{text}\nand 3 after")
    assert name == program
    assert rows == [pytest.approx(wanted, nan_ok=True)]


def test_every_format_has_a_line_here_and_a_source() -> None:
    held = {form.line for form in FORMATS for _, text, _ in LINES if re.search(form.line, text, re.MULTILINE)}
    assert {form.line for form in FORMATS} - held == {form.line for form in FORMATS if form.earlier}
    assert all(form.source.startswith("https://") for form in FORMATS)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["step", "generator_loss", "discriminator_loss"], [("generator_loss", "discriminator_loss")]),
        (["epoch", "errG", "errD"], [("errG", "errD")]),
        (["D_real", "D_fake", "G_GAN", "G_L1"], [("G_GAN", "D_real + D_fake")]),
        (["D_A", "G_A", "cycle_A", "idt_A", "D_B", "G_B"], [("G_A", "D_A"), ("G_B", "D_B")]),
        (["DA_loss", "DB_loss", "GA_loss", "GB_loss"], [("GA_loss", "DA_loss"), ("GB_loss", "DB_loss")]),
        (["D_X_loss", "D_Y_loss", "G_loss"], [("G_loss", "D_X_loss"), ("G_loss", "D_Y_loss")]),
        (["loss_disc_fake", "loss_disc_real", "loss_disc_fake_g", "loss"],
         [("loss_disc_fake_g", "loss_disc_real + loss_disc_fake")]),
        (["l_g_pix", "l_g_gan", "l_d_real", "l_d_fake"], [("l_g_gan", "l_d_real + l_d_fake")]),
        (["Loss/G/loss", "Loss/D/loss", "Loss/pl_penalty", "Loss/D/reg"], [("Loss/G/loss", "Loss/D/loss")]),
        (["Generator Loss", "Discriminator Loss"], [("Generator Loss", "Discriminator Loss")]),
        (["gen_loss", "critic_loss"], [("gen_loss", "critic_loss")]),
        (["GAN_loss/gen/loss", "GAN_loss/discrim/loss"], [("GAN_loss/gen/loss", "GAN_loss/discrim/loss")]),
        (["discrim_loss", "gen_loss_GAN", "gen_loss_L1"], [("gen_loss_GAN", "discrim_loss")]),
        (["G_GAN", "G_L1", "D_real+fake"], [("G_GAN", "D_real+fake")]),
        (["loss_gen", "loss_dis"], [("loss_gen", "loss_dis")]),
        (["G_losses", "D_losses"], [("G_losses", "D_losses")]),
        (["G", "D", "GP", "SS"], [("G", "D")]),
        (["loss", "disc_loss"], [("loss", "disc_loss")]),
        (["train/g_loss", "train/d_loss", "val/g_loss"], [("train/g_loss", "train/d_loss")]),
        (["epoch", "loss", "accuracy"], []),
        (["colour", "size", "G_L1", "cycle_A"], []),
    ],
)  # fmt: skip
def test_the_losses_of_the_players_by_their_names(names: list[str], wanted: list[tuple[str, str]]) -> None:
    found = [
        (" + ".join(game["generator_loss"]), " + ".join(game["discriminator_loss"]))
        for game in guessed(names)
    ]
    assert found == wanted


def test_scores_and_metrics_by_their_names() -> None:
    (game,) = guessed(["D(x)", "D(G(z))", "Loss_D", "fid50k_full", "d_acc", "G/grad_norm"])
    assert game == {
        "discriminator_loss": ("Loss_D",), "real_score": ("D(x)",), "fake_score": ("D(G(z))",),
        "auc": ("d_acc",),
        "generator_gradient": ("G/grad_norm",), "metric": ("fid50k_full",),
    }  # fmt: skip
    (scores,) = guessed(["l_d_real", "l_d_fake", "D_real", "D_fake"])
    assert scores["real_score"] == ("D_real",) and scores["fake_score"] == ("D_fake",)
    (style,) = guessed(["Loss/scores/fake", "Loss/scores/real", "Loss/signs/fake"])
    assert style == {"real_score": ("Loss/scores/real",), "fake_score": ("Loss/scores/fake",)}


def test_a_name_with_an_unknown_word_means_nothing() -> None:
    assert meaning("G_VGG") == (frozenset(), "")
    assert meaning("glowing-sun-1 - d_loss") == (frozenset({"D", "LOSS"}), "")
    assert step_columns(["epoch", "lr", "Progress/kimg", "global_step", "iter"]) == [
        ("global_step", "iter"), ("Progress/kimg",), ("epoch",),
    ]  # fmt: skip


def test_bars_that_are_drawn_over_themselves_and_noise_between() -> None:
    bar = "".join(
        f"\r 10%|█         | {step}/100 [00:01<00:09,  9.99it/s, loss_D={0.5 + step / 100}, loss_G=1.0]"
        for step in range(20)
    )
    (log,) = read_text(
        f"Downloading model: 100%|██████████| 30/30\nUserWarning: lr_scheduler\n{bar}\nsaved 3 images\n"
    ).values()
    (readings,) = readings_of(log.rows)
    assert [one.step for one in readings.measurements] == list(range(20))
    assert readings.columns == {
        "step": "iteration",
        "discriminator_loss": "loss_D",
        "generator_loss": "loss_G",
    }


def test_a_best_score_of_an_earlier_step_takes_its_place() -> None:
    text = (
        "> Step: 200 Progress: 1.0% Elapsed: 0:00:10 Gen_loss: 1.0 Dis_loss: 1.0\n"
        "> FID score (Step: 200, Using valid moments): 106.8\n> Best FID score (Step: 100, Using valid "
        "moments): 60.4\n"
        "> Best FID score (Step: 100, Using valid moments): 60.4\n"
    )
    rows, _ = read_lines(text)
    assert [(row["step"], row.get("FID")) for row in rows] == [(100, 60.4), (200, None), (200, 106.8)]


def test_epochs_and_iterations_count_together() -> None:
    rows = [
        {"epoch": float(e), "iteration": float(i), "G_GAN": 1.0} for e in (1, 2, 3) for i in (100, 200, 300)
    ]
    (readings,) = readings_of(rows)
    assert readings.columns["step"] == "epoch + iteration"
    steps = [one.step for one in readings.measurements]
    assert steps == sorted(set(steps)) and steps[3] - steps[2] == 100

"""Figures of the running bot, each beside a yardstick of the same run: machines are noisy."""

"""The five fixes as recipes: reads them, runs their leaky and fixed programs under one load, keeps the score."""

"""The widgets that dltui's screens are made of. Import the modules: charts need numpy."""

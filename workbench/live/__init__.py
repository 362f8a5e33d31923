"""The live view: clips drawn, fused and scored in the browser, in the app and in notebooks."""

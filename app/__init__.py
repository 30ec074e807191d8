"""The page: Gradio for the frame, our own pieces for what a person looks at."""

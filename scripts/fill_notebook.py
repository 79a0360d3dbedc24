"""Run a notebook on other parameters, in the current folder, and keep it with its pictures.

python scripts/fill_notebook.py notebooks/speedup.ipynb filled.ipynb 'FOLDER = "."'
"""

import sys

import nbclient
import nbformat


def main(source: str, target: str, parameters: str) -> None:
    """Replace the cell tagged "parameters", run all cells, write."""
    notebook = nbformat.read(source, as_version=4)
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    cell.source = parameters
    resources = {"metadata": {"path": "."}}
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, target)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Molecules as graphs: atoms with their charges, single, double and triple bonds; and as SMILES."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from poise.errors import PoiseError

if TYPE_CHECKING:
    from poise.data.graphs.reading import NetworkxGraph

ATOM, BOND = "atom", "bond"
"""The attributes of nodes and edges: `"C"`, `"N+"`; 1, 2 or 3."""


@functools.cache
def rdkit(module: str) -> Any:
    """A module of RDKit.

    Raises:
        PoiseError: It is not installed.
    """
    try:
        return importlib.import_module(f"rdkit.{module}")
    except ImportError:
        what, why = "Molecules cannot be read", "RDKit is not installed"
        hint = 'install it: pip install "poise[molecules]"'
        raise PoiseError(what, code="data.no-rdkit", why=why, hint=hint) from None


def graph_of_smiles(smiles: str) -> NetworkxGraph:
    """The graph of a molecule without its hydrogens; mirror images are not told apart.

    Raises:
        ValueError: It is no molecule, or one that a graph of atoms and bonds does not describe.
    """
    import networkx  # noqa: PLC0415 - only graphs need it

    chemistry, base = rdkit("Chem"), rdkit("rdBase")
    with base.BlockLogs():
        molecule = chemistry.MolFromSmiles(smiles)
        if molecule is None:
            raise ValueError(f"'{smiles}' is no molecule that RDKit reads")
        chemistry.Kekulize(molecule, clearAromaticFlags=True)
    graph: NetworkxGraph = networkx.Graph()
    # By number: iterators over atoms are the slowest part of reading a molecule
    for atom in map(molecule.GetAtomWithIdx, range(molecule.GetNumAtoms())):
        if atom.GetIsotope() or atom.GetNumRadicalElectrons():
            raise ValueError(f"'{smiles}' holds isotopes or radicals")
        charge = atom.GetFormalCharge()
        signs = "+" * charge + "-" * -charge
        graph.add_node(atom.GetIdx(), **{ATOM: atom.GetSymbol() + signs})
    for bond in map(molecule.GetBondWithIdx, range(molecule.GetNumBonds())):
        order = bond.GetBondTypeAsDouble()
        if order not in (1.0, 2.0, 3.0):
            raise ValueError(f"'{smiles}' has bonds that are neither single, double nor triple")
        graph.add_edge(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), **{BOND: int(order)})
    return graph


def smiles_of(graphs: Iterable[NetworkxGraph]) -> list[tuple[str, bool]]:
    """The SMILES of graphs, and whether each is a molecule by RDKit's rules of valence."""
    chemistry, base = rdkit("Chem"), rdkit("rdBase")
    orders = {1: chemistry.BondType.SINGLE, 2: chemistry.BondType.DOUBLE, 3: chemistry.BondType.TRIPLE}
    found = []
    with base.BlockLogs():
        for graph in graphs:
            molecule = chemistry.RWMol()
            for _, data in graph.nodes(data=True):
                symbol = data[ATOM].rstrip("+-")
                atom = chemistry.Atom(symbol)
                signs = data[ATOM][len(symbol) :]
                atom.SetFormalCharge(signs.count("+") - signs.count("-"))
                molecule.AddAtom(atom)
            for first, second, data in graph.edges(data=True):
                molecule.AddBond(first, second, orders[data[BOND]])
            problem = chemistry.SanitizeMol(molecule, catchErrors=True)
            valid = problem == chemistry.SanitizeFlags.SANITIZE_NONE and molecule.GetNumAtoms() > 0
            found.append((chemistry.MolToSmiles(molecule), bool(valid)))
    return found

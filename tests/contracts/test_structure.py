"""The structure of the package: no circle of imports, and no code that the floors do not allow."""

import grimp
import networkx


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("poise", exclude_type_checking_imports=True)
    imports = networkx.DiGraph(
        (module, other)
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
    )
    circles = [sorted(one) for one in networkx.strongly_connected_components(imports) if len(one) > 1]
    assert circles == []

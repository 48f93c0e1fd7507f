"""The ML rule pack: cfn-lint rules for what a template of a machine learning workload gets wrong.

`mla check TEMPLATE` applies them; so does `cfn-lint --append-rules rules` in an editor. A rule is a
class in a file of its own, found by walking this folder; files that begin with an underscore hold
what rules share. Its number begins with 95, which cfn-lint
keeps free for rules that are not its own.
"""

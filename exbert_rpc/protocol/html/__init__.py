"""Results as static HTML, for notebooks: what remains where no kernel runs, on a code-hosting site or in nbconvert.

Tables with inline styles only: no script, no style sheet, nothing that is loaded; readable without any style, too.
"""

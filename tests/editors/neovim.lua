-- Headless Neovim as a person uses it: open a file, ask for actions on a selection, run one, hover.
-- nvim --headless -u NONE -c "luafile neovim.lua" FILE; the answers go to $ANSWERS as JSON.
local command = vim.split(vim.env.SERVER, "\n")
local answers = { messages = {} }
local capabilities = vim.lsp.protocol.make_client_capabilities()
vim.lsp.handlers["window/showMessage"] = function(_, result) table.insert(answers.messages, result.message) end
vim.lsp.handlers["window/showDocument"] = function(_, result)
  answers.shown = result.uri
  return { success = true }
end
capabilities.window.showDocument = { support = true }
local id = vim.lsp.start_client({
  cmd = command,
  capabilities = capabilities,
  root_dir = vim.fn.getcwd(),
  init_options = { store = vim.env.STORE, hover = { layer = 1, head = 2 } },
})
vim.lsp.buf_attach_client(0, id)
local client = vim.lsp.get_client_by_id(id)
vim.wait(60000, function() return client.initialized end)
local function ask(method, params)
  local answer = client.request_sync(method, params, 60000, 0)
  assert(answer and not answer.err, vim.inspect(answer))
  return answer.result
end
local document = vim.lsp.util.make_text_document_params()
local range = { start = { line = 0, character = 0 }, ["end"] = { line = 0, character = 13 } }
local actions = ask("textDocument/codeAction", { textDocument = document, range = range, context = { diagnostics = {} } })
answers.title = actions[1].title
answers.result = ask("workspace/executeCommand", actions[1].command)
answers.hover = ask("textDocument/hover", { textDocument = document, position = { line = 0, character = 1 } })
vim.wait(2000, function() return answers.shown ~= nil end)
vim.fn.writefile({ vim.fn.json_encode(answers) }, vim.env.ANSWERS)
vim.lsp.stop_client(id)
vim.wait(5000, function() return client.is_stopped() end)
vim.cmd("qall!")

;;; Headless Emacs with eglot: open a file, ask for actions on a selection, run one, hover.  -*- lexical-binding: t -*-
;;; emacs --batch -l emacs.el FILE; the answers go to $ANSWERS as JSON.
(package-initialize)
(require 'eglot)
(require 'json)
(setq eglot-sync-connect t eglot-connect-timeout 60 eglot-autoshutdown nil)
(defvar messages nil)
(advice-add 'eglot--message :before (lambda (format &rest args) (push (apply #'format format args) messages)))
(setq-default eglot-workspace-configuration nil)
(add-to-list 'eglot-server-programs
             `(text-mode . (,@(split-string (getenv "SERVER") "\n") :initializationOptions
                            (:store ,(getenv "STORE") :hover (:layer 1 :head 2)))))
(setq project-find-functions nil)
(find-file (car command-line-args-left))
(setq command-line-args-left nil)
(text-mode)
(apply #'eglot--connect (eglot--guess-contact))
(let* ((server (eglot-current-server))
       (range '(:start (:line 0 :character 0) :end (:line 0 :character 13)))
       (document (eglot--TextDocumentIdentifier))
       (actions (jsonrpc-request server :textDocument/codeAction
                                 `(:textDocument ,document :range ,range :context (:diagnostics []))))
       (command (plist-get (aref actions 0) :command))
       (result (jsonrpc-request server :workspace/executeCommand
                                `(:command ,(plist-get command :command) :arguments ,(plist-get command :arguments))
                                :timeout 60))
       (hover (jsonrpc-request server :textDocument/hover
                               `(:textDocument ,document :position (:line 0 :character 1)) :timeout 60)))
  (accept-process-output nil 0.5)
  (with-temp-file (getenv "ANSWERS")
    (insert (json-encode `(:title ,(plist-get (aref actions 0) :title) :result ,result :hover ,hover
                           :messages ,(vconcat messages)))))
  (eglot-shutdown server))

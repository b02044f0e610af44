import "../generated/view.css";
import "./theme.css";
import "./base.css";

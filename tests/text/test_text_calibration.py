from exbert_rpc.text.calibration import calibration_texts


def test_calibration_texts_are_many_different_and_always_the_same():
    texts = calibration_texts()
    assert len(texts) == len(set(texts)) >= 150
    assert texts is calibration_texts()
    assert all(text == text.strip() != "" for text in texts)


def test_calibration_texts_cover_scripts_code_and_emoji():
    everything = "".join(calibration_texts())
    for sample in ("ß", "ş", "は", "ك", "ё", "气", "é", "🎉", "{", "[CLS]"):
        assert sample in everything
